"""What the processes have in common that a live session starts."""

import multiprocessing
import os
import signal
import threading


def end_with_parent() -> None:
    """Makes this process end when its parent does, also if that was killed; Ctrl-C is for the parent alone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None  # this runs in child processes only

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, name="finjax parent", daemon=True).start()
