"""Being asked to stop: by Ctrl-C, or by SIGTERM, as batch systems do before they take a machine away.

A training that is asked to stop saves first. Both end a program with a status of its own: a script can tell that the
same command goes on.
"""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator

# 128 + 2 is what shells make of Ctrl-C. SIGTERM has EX_TEMPFAIL of sysexits.h, "try again later", and not 128 + 15:
# that is also what a program ends with that SIGTERM killed before it could save.
EXIT_STATUS = {signal.SIGINT: 130, signal.SIGTERM: 75}


class Interrupted(KeyboardInterrupt):
    """The run was asked to stop; no error, and not to be caught as one.

    Attributes:
        signum: by which signal.
    """

    def __init__(self, signum: int):
        super().__init__(f"stopped by {signal.Signals(signum).name}; the same command goes on")
        self.signum = signum

    @property
    def exit_status(self) -> int:
        """What the program ends with."""
        return EXIT_STATUS[self.signum]


class Request:
    """Whether the run was asked to stop.

    Attributes:
        signum: the signal that asked, or None.
    """

    def __init__(self):
        self.signum: int | None = None

    def receive(self, signum: int) -> bool:
        """Notes a signal; returns whether it is news. Repetitions of SIGTERM are not: it often comes twice."""
        news = self.signum is None
        self.signum = self.signum or signum
        return news


@contextlib.contextmanager
def raised_at_once() -> Iterator[None]:
    """Raises `Interrupted` wherever the program is, but for what `held_back` protects."""
    request = Request()

    def receive(signum, _frame):
        if request.receive(signum) or signum == signal.SIGINT:
            raise Interrupted(signum)

    with _received_by(receive):
        yield


@contextlib.contextmanager
def held_back() -> Iterator[Request]:
    """Gives a request to look at now and then, and raises `Interrupted` at the end if there was one.

    A second Ctrl-C does not wait.
    """
    request = Request()

    def receive(signum, _frame):
        if not request.receive(signum) and signum == signal.SIGINT:
            raise Interrupted(signum)

    with _received_by(receive):
        yield request
    if request.signum:
        raise Interrupted(request.signum)


@contextlib.contextmanager
def _received_by(receive: Callable) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():  # Python lets no other receive signals
        yield
        return
    before = {signum: signal.signal(signum, receive) for signum in EXIT_STATUS}
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
