"""What the process holds in memory, for programs that run for hours."""

import os
import time
from pathlib import Path

STATM = Path("/proc/self/statm")  # Linux alone has it
WARM_UP_S = 60.0
EVERY_S = 5.0


def resident_mib() -> float | None:
    """Returns the resident memory of this process, or None where the system does not say."""
    try:
        pages = int(STATM.read_text(encoding="utf-8").split()[1])
    except OSError:
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024**2


class MemoryWatch:
    """Watches the resident memory of the process, after its first minute."""

    def __init__(self):
        self._next = time.monotonic() + WARM_UP_S
        self._found: list[float] = []  # first, lowest, highest and last

    def look(self) -> None:
        """Takes a look, if it is time for one."""
        if (now := time.monotonic()) < self._next:
            return
        self._next = now + EVERY_S
        if (mib := resident_mib()) is not None:
            first, low, high, _ = self._found or [mib] * 4
            self._found = [first, min(low, mib), max(high, mib), mib]

    def lines(self) -> list[str]:
        """Returns what to print at the end; nothing after less than a minute."""
        if not self._found:
            return []
        first, low, high, last = self._found
        return [f"memory: {first:.1f} MiB after the first minute, then {low:.1f} to {high:.1f}, at the end {last:.1f}"]
