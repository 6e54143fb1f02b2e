"""Measures the memory of the process, for programs that run for hours."""

import os
import time
from pathlib import Path

STATM = Path("/proc/self/statm")  # on Linux only
WARM_UP_S = 60.0
EVERY_S = 5.0


def resident_mib() -> float | None:
    """Returns the resident memory of this process, or None if the system does not report it."""
    try:
        pages = int(STATM.read_text(encoding="utf-8").split()[1])
    except OSError:
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024**2


class MemoryWatch:
    """Measures the resident memory of the process every few seconds, after its first minute."""

    def __init__(self):
        self._next = time.monotonic() + WARM_UP_S
        self._measured: tuple[float, float, float, float] | None = None  # first, lowest, highest and last, in MiB

    def look(self) -> None:
        """Measures the memory, if it is time to."""
        if (now := time.monotonic()) < self._next:
            return
        self._next = now + EVERY_S
        if (mib := resident_mib()) is not None:
            first, low, high, _ = self._measured or (mib, mib, mib, mib)
            self._measured = first, min(low, mib), max(high, mib), mib

    def lines(self) -> list[str]:
        """Returns the lines of the summary; none in the first minute."""
        if self._measured is None:
            return []
        first, low, high, last = self._measured
        return [f"memory: {first:.1f} MiB after the first minute, then {low:.1f} to {high:.1f}, at the end {last:.1f}"]
