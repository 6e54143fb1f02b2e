"""Shows a program's state on a terminal, which never delays the program."""

import functools
import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TextIO

from finjax.system.console import Output
from finjax.system.screen import Row, Screen, printable
from finjax.system.writer import Writer

LOST = "updates that the terminal left out (no samples are lost)"
WAITING_LINES = 1000  # lines that may wait for a reader


class Display:
    """Redraws one screen; where the cursor cannot move, it prints a line for every change instead.

    A terminal that blocks, is closed or cannot show a character never delays the caller.

    Args:
        out: the stream to write to; stdout by default.

    Attributes:
        in_place: whether it redraws one screen.
        problems: texts that the terminal did not take.
    """

    def __init__(self, out: TextIO | None = None):
        output = Output(out or sys.stdout)
        self._screen, self._drawn_s = Screen(output), -float("inf")
        self.in_place = self._screen.in_place
        self._printed: object = None
        # Only the newest screen needs to wait.
        self._writer = Writer(output, room=1 if self.in_place else WAITING_LINES, lost=LOST)
        self.problems: Counter[str] = self._writer.problems

    def draw(self, view: Callable[[os.terminal_size], Sequence[Row]], *, every_s: float) -> None:
        """Draws the rows that a function gives for the size of the terminal, unless the last screen is newer."""
        now = time.monotonic()
        if now - self._drawn_s < every_s:
            return
        self._drawn_s, size = now, shutil.get_terminal_size()
        self._writer.put(functools.partial(self._screen.draw, view(size)[: max(1, size.lines - 1)], size))

    def print_change(self, what: object, line: str) -> None:
        """Prints a line if `what` has changed since the last one."""
        if what != self._printed:
            self._printed = what
            self._writer.put(lambda: printable(line) + "\n")

    def close(self) -> None:
        """Waits a moment for what is not shown yet."""
        self._writer.close()
