"""Draws rows over the last ones on a terminal."""

import os
import unicodedata
from collections.abc import Sequence

from finjax.system.console import Output

BLOCKS = " ▁▂▃▄▅▆▇█"  # bars of eight heights

Row = tuple[bool, str]  # whether it is bold, and its text


class Screen:
    """Gives the characters that draw rows over the last screen.

    Args:
        output: the stream of the terminal.

    Attributes:
        in_place: whether the terminal can move its cursor; else print lines instead.
    """

    def __init__(self, output: Output):
        self.in_place = output.isatty() and os.environ.get("TERM") != "dumb"
        self._bold = ("", "") if os.environ.get("NO_COLOR") else ("\x1b[1m", "\x1b[0m")
        self._lines, self._size = 0, (0, 0)

    def draw(self, rows: Sequence[Row], size: os.terminal_size) -> str:
        """Returns the characters that draw rows over the last ones, for a terminal of this size."""
        screen = ""
        for bold, row in rows:
            before, after = self._bold if bold else ("", "")
            screen += f"\x1b[2K{before}{cut(printable(row), size.columns - 1)}{after}\n"
        back = f"\x1b[{self._lines}A" if self._lines else ""
        if self._lines and tuple(size) != self._size:
            back = "\x1b[2J\x1b[H"  # clear: a terminal that was resized has moved the last screen
        self._lines, self._size = len(rows), tuple(size)
        return back + screen + "\x1b[J"


def bar(share: float, *, width: int = 30) -> str:
    """Returns a bar that is filled to a share."""
    filled = round(share * width)
    return "█" * filled + "░" * (width - filled)


def printable(text: str) -> str:
    """Replaces characters that could move the cursor: names come from files."""
    return "".join(character if character.isprintable() else "?" for character in text)


def cut(text: str, columns: int) -> str:
    """Returns as much of a text as fits the columns; wide characters take two."""
    used = 0
    for count, character in enumerate(text):
        used += 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if used > columns:
            return text[:count]
    return text
