"""Shows a stream on a terminal."""

import functools
import os
import shutil
import sys
import time
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import TextIO

import numpy as np

from finjax.live.decision import Decision
from finjax.live.writer import Writer
from finjax.system.console import Output

REFRESH_S = 0.1  # between two screens
SHOWN_MOVEMENTS = 3
BLOCKS = " ▁▂▃▄▅▆▇█"
NO_SIGNAL = "no electrode gives a signal"
LOST = "screens and lines that the terminal did not take"
WAITING_LINES = 1000  # lines that may wait for a reader


class Terminal:
    """Redraws one screen: level of each channel, decision, probabilities, latency.

    If the output is not a terminal, or a terminal that cannot move its cursor (`TERM=dumb`), it prints a line for
    every change instead. A terminal that blocks, is closed or cannot show a character never delays the decoder.

    Args:
        channel_names: C names.
        movement_names: K names.
        deadline_s: a decision that takes longer is late.
        out: the stream to write to; stdout by default.
    """

    def __init__(
        self,
        channel_names: Sequence[str],
        movement_names: Sequence[str],
        *,
        deadline_s: float,
        out: TextIO | None = None,
    ):
        output = Output(out or sys.stdout)
        self._channels, self._movements, self._deadline_s = channel_names, movement_names, deadline_s
        self.in_place = output.isatty() and os.environ.get("TERM") != "dumb"
        self._bold = ("", "") if os.environ.get("NO_COLOR") else ("\x1b[1m", "\x1b[0m")
        self._drawn_s, self._lines, self._size = -REFRESH_S, 0, (0, 0)
        self._printed = ""
        self._last: tuple[Decision, np.ndarray] | None = None
        # Only the newest screen needs to wait.
        self._writer = Writer(output, room=1 if self.in_place else WAITING_LINES, lost=LOST)
        self.problems: Counter[str] = self._writer.problems

    def __call__(self, decision: Decision, level: np.ndarray) -> None:
        """See `Sink`."""
        self._last = decision, level
        if self.in_place:
            self._draw("")
            return
        movement = decision.movement or ("–" if decision.has_signal else f"– ({NO_SIGNAL})")
        self._print_change(movement, f"{decision.time_s:8.2f} s  {movement:<24} {decision.probabilities.max():4.0%}")

    def silent(self, seconds: float) -> None:
        """See `Sink`."""
        if self.in_place:
            self._draw(f"no samples for {seconds:.0f} s")
        else:
            since = self._last[0].time_s if self._last else 0.0
            self._print_change("silence", f"{since:8.2f} s  no samples")

    def close(self) -> None:
        """See `Sink`."""
        self._writer.close()

    def _print_change(self, what: str, line: str) -> None:
        """Prints a line if `what` has changed since the last one."""
        if what != self._printed:
            self._writer.put(lambda: _printable(line) + "\n")
            self._printed = what

    def _draw(self, silence: str) -> None:
        now = time.monotonic()
        if now - self._drawn_s < REFRESH_S:
            return
        self._drawn_s = now
        size = shutil.get_terminal_size()
        rows = self._view(silence)[: max(1, size.lines - 1)]
        self._writer.put(functools.partial(self._screen, rows, size))

    def _screen(self, rows: list[tuple[bool, str]], size: os.terminal_size) -> str:
        """Returns the characters that draw rows over the last screen."""
        screen = ""
        for bold, row in rows:
            before, after = self._bold if bold else ("", "")
            screen += f"\x1b[2K{before}{_cut(_printable(row), size.columns - 1)}{after}\n"
        back = f"\x1b[{self._lines}A" if self._lines else ""
        if self._lines and tuple(size) != self._size:
            back = "\x1b[2J\x1b[H"  # clear: a terminal that was resized has moved the last screen
        self._lines, self._size = len(rows), tuple(size)
        return back + screen + "\x1b[J"

    def _view(self, silence: str) -> list[tuple[bool, str]]:
        """Returns the rows, each with whether it is bold."""
        if self._last is None:
            return [(False, f"stream     {silence or 'begins'}")]
        decision, level = self._last
        heights = np.clip(2.5 * np.nan_to_num(level), 0, len(BLOCKS) - 1).astype(int)
        bars = "".join(BLOCKS[height] * 2 + " " for height in heights)
        late = " LATE" if decision.latency_s > self._deadline_s else ""
        clock = f"{decision.time_s:8.2f} s   latency {decision.latency_s * 1e3:5.1f} ms{late}"
        faults = ", ".join(f"{name} {fault}" for name, fault in decision.faults.items())
        rows = [
            (False, f"{clock}   {silence}".rstrip()),
            (False, f"channels   {bars}"),
            (True, f"movement   {decision.movement or '–'}"),
        ]
        for movement in np.argsort(-decision.probabilities, kind="stable")[:SHOWN_MOVEMENTS]:
            share = float(decision.probabilities[movement])
            rows.append((False, f"  {share:4.0%} {_bar(share)} {self._movements[movement]}"))
        rows.append((False, f"electrodes {(faults or 'all good') if decision.has_signal else NO_SIGNAL}"))
        return rows


def _bar(share: float, width: int = 30) -> str:
    filled = round(share * width)
    return "█" * filled + "░" * (width - filled)


def _printable(text: str) -> str:
    """Replaces characters that could move the cursor: names come from files."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _cut(text: str, columns: int) -> str:
    """Returns as much of a text as fits the columns; wide characters take two."""
    used = 0
    for count, character in enumerate(text):
        used += 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if used > columns:
            return text[:count]
    return text
