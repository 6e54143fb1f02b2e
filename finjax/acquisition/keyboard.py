"""Reads single keys from a terminal while a program does something else."""

import contextlib
import os
import re
import select
import sys
from collections.abc import Iterator

from finjax.acquisition.record import Command

KEYS: dict[str, Command] = {" ": "pause", "r": "repeat", "s": "skip", "a": "add", "q": "end"}
ARROWS_AND_MORE = re.compile(r"\x1b(?:\[[0-9;]*[A-Za-z~]|O.)")  # keys that send several characters
HELP = "space: pause or go on   r: repeat   s: skip   a: add a repetition   q: end"


class Keyboard:
    """Gives the commands of the keys that were pressed; none if stdin is not a terminal.

    Attributes:
        is_there: whether somebody can press keys.
    """

    def __init__(self) -> None:
        self.is_there = False

    def commands(self) -> list[Command]:
        """Returns the commands since the last call, in order."""
        pressed = ARROWS_AND_MORE.sub("", self._pressed())
        return [KEYS[key] for key in pressed.lower() if key in KEYS]

    def _pressed(self) -> str:
        if not self.is_there:
            return ""
        if os.name == "nt":
            import msvcrt

            pressed = ""
            while msvcrt.kbhit():
                pressed += msvcrt.getwch()
            return pressed
        if not select.select([sys.stdin], [], [], 0)[0]:
            return ""
        content = os.read(sys.stdin.fileno(), 1024)
        self.is_there = bool(content)  # empty: the terminal is closed
        return content.decode(errors="replace")


@contextlib.contextmanager
def keyboard() -> Iterator[Keyboard]:
    """Yields the keyboard; meanwhile the terminal gives each key at once and does not show it."""
    keys = Keyboard()
    if sys.stdin is None or not sys.stdin.isatty():
        yield keys
        return
    keys.is_there = True
    if os.name == "nt":
        yield keys
        return
    import termios
    import tty

    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin)  # Ctrl-C stays a signal
        yield keys
    finally:
        with contextlib.suppress(termios.error):  # the terminal is closed
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
