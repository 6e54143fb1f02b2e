"""Handles the signals that ask a program to stop: from Ctrl-C, from a batch system, or from a terminal that closes.

Training saves a checkpoint before it stops. The exit status tells a script whether the same command resumes the work.
"""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

# EX_TEMPFAIL of sysexits.h, "try again later". Not 128 + the signal's number: a program that was killed before it could
# save has that status too.
RESUMABLE = 75
# SLURM and Grid Engine warn with SIGUSR1 and SIGUSR2, a limit on processor time with SIGXCPU. SIGHUP comes when a
# terminal closes, SIGBREAK on Windows from Ctrl-Break or a closed window. No system has all of them.
STOP_SIGNALS = ("SIGHUP", "SIGUSR1", "SIGUSR2", "SIGXCPU", "SIGBREAK")
# Shells use 128 + 2 for Ctrl-C.
EXIT_STATUS = {signal.SIGINT: 130, signal.SIGTERM: RESUMABLE} | {
    getattr(signal, name): RESUMABLE for name in STOP_SIGNALS if hasattr(signal, name)
}


class Interrupted(KeyboardInterrupt):
    """The run was asked to stop. It is not an error: do not catch it as one.

    Attributes:
        signum: the signal that asked.
    """

    def __init__(self, signum: int) -> None:
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

    def __init__(self) -> None:
        self.signum: int | None = None

    def receive(self, signum: int) -> bool:
        """Stores the first signal; returns whether this is it. Batch systems often send SIGTERM twice."""
        first = self.signum is None
        self.signum = self.signum or signum
        return first


class _Handler:
    """A signal handler; its type tells the handlers of this file from others."""

    def __init__(self, receive: Callable[[int], None]) -> None:
        self._receive = receive

    def __call__(self, signum: int, _frame: FrameType | None) -> None:
        self._receive(signum)


@contextlib.contextmanager
def raised_at_once() -> Iterator[None]:
    """Raises `Interrupted` as soon as a signal arrives, except inside `held_back`."""
    request = Request()

    def receive(signum: int) -> None:
        if request.receive(signum) or signum == signal.SIGINT:
            raise Interrupted(signum)

    with _handle_signals(receive, own_program=True):
        yield


@contextlib.contextmanager
def held_back() -> Iterator[Request]:
    """Yields a `Request`, which the body should check often; raises `Interrupted` after the body if a signal arrived.

    A second Ctrl-C raises `Interrupted` at once.
    """
    request = Request()

    def receive(signum: int) -> None:
        if not request.receive(signum) and signum == signal.SIGINT:
            raise Interrupted(signum)

    with _handle_signals(receive, own_program=False):
        yield request
    if request.signum:
        raise Interrupted(request.signum)


@contextlib.contextmanager
def _handle_signals(receive: Callable[[int], None], *, own_program: bool) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():  # Python handles signals only there
        yield
        return
    handler = _Handler(receive)
    before = {signum: signal.getsignal(signum) for signum in EXIT_STATUS}
    handled = [signum for signum, current in before.items() if _may_handle(signum, current, own_program=own_program)]
    for signum in handled:
        signal.signal(signum, handler)
    try:
        yield
    finally:
        for signum in handled:
            signal.signal(signum, before[signum])


def _may_handle(signum: int, current: Any, *, own_program: bool) -> bool:
    """Returns whether finjax may handle a signal whose handler is now `current`.

    An ignored signal stays ignored, as SIGHUP under `nohup`. A handler of None was not installed by Python and could
    not be restored. Other programs may use all signals but SIGINT and SIGTERM for their own purposes, so finjax handles
    those only in its own programs, and only if nobody else does. Python does not show every handler: not that of
    `faulthandler.register`.
    """
    if current is None or current is signal.SIG_IGN:
        return False
    if signum in (signal.SIGINT, signal.SIGTERM) or isinstance(current, _Handler):
        return True
    return own_program and current is signal.SIG_DFL
