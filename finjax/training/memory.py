"""Memory that a long training does not need any more."""

import ctypes
import functools
from collections.abc import Callable


def give_back() -> None:
    """Returns freed memory to the system, where the C library is glibc.

    What writes checkpoints allocates in many threads, and glibc keeps most of what they free: 20 kB a checkpoint.
    """
    if trim := _trim():
        trim(0)


@functools.cache
def _trim() -> Callable[[int], int] | None:
    try:
        return ctypes.CDLL("libc.so.6").malloc_trim
    except (OSError, AttributeError):
        return None
