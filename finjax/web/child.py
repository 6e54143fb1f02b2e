"""What the processes have in common that a live session starts."""

import multiprocessing
import os
import signal
import threading


def end_with_parent(*, ignored: tuple[str, ...] = ("SIGINT",)) -> None:
    """Makes this process end when its parent does, also if that was killed.

    Args:
        ignored: signals that are for the parent alone, which ends this process: a terminal sends Ctrl-C to both.
    """
    for name in ignored:
        if hasattr(signal, name):  # not on every system
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None  # this runs in child processes only

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, name="finjax parent", daemon=True).start()
