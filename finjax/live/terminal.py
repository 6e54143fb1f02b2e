"""Shows a stream on a terminal."""

import functools
import shutil
import sys
import time
from collections import Counter
from collections.abc import Sequence
from typing import TextIO

import numpy as np

from finjax.live.decision import Decision
from finjax.system.console import Output
from finjax.system.screen import BLOCKS, Row, Screen, bar, printable
from finjax.system.writer import Writer

REFRESH_S = 0.1  # between two screens
SHOWN_MOVEMENTS = 3
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
        self._screen, self._drawn_s = Screen(output), -REFRESH_S
        self.in_place = self._screen.in_place
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
            self._writer.put(lambda: printable(line) + "\n")
            self._printed = what

    def _draw(self, silence: str) -> None:
        now = time.monotonic()
        if now - self._drawn_s < REFRESH_S:
            return
        self._drawn_s = now
        size = shutil.get_terminal_size()
        rows = self._view(silence)[: max(1, size.lines - 1)]
        self._writer.put(functools.partial(self._screen.draw, rows, size))

    def _view(self, silence: str) -> list[Row]:
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
            rows.append((False, f"  {share:4.0%} {bar(share)} {self._movements[movement]}"))
        rows.append((False, f"electrodes {(faults or 'none flat or saturated') if decision.has_signal else NO_SIGNAL}"))
        return rows
