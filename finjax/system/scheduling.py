"""Real-time scheduling: the threads of this process run before those of other programs."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

THREADS = Path("/proc/self/task")  # on Linux only
LOWEST = 1  # of the real-time priorities: still before every ordinary program


@contextlib.contextmanager
def real_time() -> Iterator[bool]:
    """Gives all threads that the process has now real-time priority, if the system permits it; then takes it back.

    Linux permits it to root, and to users whose limit `ulimit -r` is not 0. Later threads, and processes that this one
    starts, are ordinary ones. Only for threads that wait most of the time: others would stop the rest of the machine.

    Yields:
        Whether the system permitted it.
    """
    permitted = _schedule("SCHED_RR", LOWEST)
    try:
        yield permitted
    finally:
        if permitted:
            _schedule("SCHED_OTHER", 0)


def _schedule(policy: str, priority: int) -> bool:
    """Schedules all threads of the process in one way; returns whether the system permitted it."""
    if not hasattr(os, policy) or not THREADS.exists():
        return False
    flags = getattr(os, policy) | getattr(os, "SCHED_RESET_ON_FORK", 0)
    for thread in THREADS.iterdir():
        try:
            os.sched_setscheduler(int(thread.name), flags, os.sched_param(priority))
        except ProcessLookupError:  # the thread has ended
            continue
        except OSError:
            return False
    return True
