"""Frees memory that a long training no longer needs."""

import ctypes
import functools
from collections.abc import Callable


def give_back() -> None:
    """Gives freed memory back to the system, if the C library is glibc.

    Orbax writes checkpoints in many threads, and glibc keeps most of the memory that they free: 20 kB a checkpoint.
    """
    if trim := _trim():
        trim(0)


@functools.cache
def _trim() -> Callable[[int], int] | None:
    try:
        return ctypes.CDLL("libc.so.6").malloc_trim
    except (OSError, AttributeError):
        return None
