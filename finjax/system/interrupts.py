"""Being asked to stop: by Ctrl-C, by a batch system that takes the machine away, or by a terminal that is gone.

A training that is asked to stop saves first. Each signal ends a program with an exit status of its own: by it a script
can tell that the same command will resume the work.
"""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator

# EX_TEMPFAIL of sysexits.h, "try again later". Not 128 + the signal's number: that is also the status of a program
# that was killed before it could save.
RESUMABLE = 75
# SIGUSR1 and SIGUSR2 are the warnings of SLURM and Grid Engine, SIGXCPU that of a limit on processor time, SIGHUP comes
# from a lost terminal, SIGBREAK from Ctrl-Break and a closed window of Windows. No system has all of them.
POLITE = ("SIGHUP", "SIGUSR1", "SIGUSR2", "SIGXCPU", "SIGBREAK")
# 128 + 2 is what shells make of Ctrl-C.
EXIT_STATUS = {signal.SIGINT: 130, signal.SIGTERM: RESUMABLE} | {
    getattr(signal, name): RESUMABLE for name in POLITE if hasattr(signal, name)
}


class Interrupted(KeyboardInterrupt):
    """The run was asked to stop; no error, and not to be caught as one.

    Attributes:
        signum: by which signal.
    """

    def __init__(self, signum: int):
        super().__init__(f"stopped by {signal.Signals(signum).name}. Run the same command again to resume.")
        self.signum = signum

    @property
    def exit_status(self) -> int:
        """The exit status of the program."""
        return EXIT_STATUS[self.signum]


class Request:
    """Whether the run was asked to stop.

    Attributes:
        signum: the signal that asked, or None.
    """

    def __init__(self):
        self.signum: int | None = None

    def receive(self, signum: int) -> bool:
        """Notes a signal; returns whether it is the first. Batch systems often send SIGTERM twice."""
        first = self.signum is None
        self.signum = self.signum or signum
        return first


class _Handler:
    """A signal handler of this module, to be told from those of others."""

    def __init__(self, receive: Callable[[int], None]):
        self._receive = receive

    def __call__(self, signum: int, _frame) -> None:
        self._receive(signum)


@contextlib.contextmanager
def raised_at_once() -> Iterator[None]:
    """Raises `Interrupted` wherever the program is, but for what `held_back` protects."""
    request = Request()

    def receive(signum: int) -> None:
        if request.receive(signum) or signum == signal.SIGINT:
            raise Interrupted(signum)

    with _received_by(receive, program=True):
        yield


@contextlib.contextmanager
def held_back() -> Iterator[Request]:
    """Gives a request to look at now and then, and raises `Interrupted` at the end if there was one.

    A second Ctrl-C does not wait.
    """
    request = Request()

    def receive(signum: int) -> None:
        if not request.receive(signum) and signum == signal.SIGINT:
            raise Interrupted(signum)

    with _received_by(receive, program=False):
        yield request
    if request.signum:
        raise Interrupted(request.signum)


@contextlib.contextmanager
def _received_by(receive: Callable[[int], None], *, program: bool) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():  # Python lets no other receive signals
        yield
        return
    handler = _Handler(receive)
    before = {signum: signal.getsignal(signum) for signum in EXIT_STATUS}
    taken = [signum for signum, current in before.items() if _may_take(signum, current, program=program)]
    for signum in taken:
        signal.signal(signum, handler)
    try:
        yield
    finally:
        for signum in taken:
            signal.signal(signum, before[signum])


def _may_take(signum: int, current, *, program: bool) -> bool:
    """Tells whether a signal is ours to handle.

    One that is ignored stays so, as SIGHUP under `nohup`. None is a handler that is not Python's and could not be put
    back. Signals that programs use for purposes of their own belong to whoever wrote the program: to finjax in its own
    programs, where nobody else handles them. Python does not show every handler (that of `faulthandler.register`).
    """
    if current is None or current is signal.SIG_IGN:
        return False
    if signum in (signal.SIGINT, signal.SIGTERM) or isinstance(current, _Handler):
        return True
    return program and current is signal.SIG_DFL
