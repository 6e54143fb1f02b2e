"""Shows a stream on a terminal."""

from collections import Counter
from collections.abc import Sequence
from typing import TextIO

import numpy as np

from finjax.live.decision import Decision
from finjax.system.display import Display
from finjax.system.screen import BLOCKS, Row, bar

REFRESH_S = 0.1  # between two screens
SHOWN_MOVEMENTS = 3
NO_SIGNAL = "no electrode gives a signal"


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
        self._channels, self._movements, self._deadline_s = channel_names, movement_names, deadline_s
        self._last: tuple[Decision, np.ndarray] | None = None
        self._display = Display(out)
        self.in_place = self._display.in_place
        self.problems: Counter[str] = self._display.problems

    def __call__(self, decision: Decision, level: np.ndarray) -> None:
        """See `Sink`."""
        self._last = decision, level
        if self.in_place:
            self._draw("")
            return
        movement = decision.movement or ("–" if decision.has_signal else f"– ({NO_SIGNAL})")
        self._display.print_change(
            movement, f"{decision.time_s:8.2f} s  {movement:<24} {decision.probabilities.max():4.0%}"
        )

    def silent(self, seconds: float) -> None:
        """See `Sink`."""
        if self.in_place:
            self._draw(f"no samples for {seconds:.0f} s")
        else:
            since = self._last[0].time_s if self._last else 0.0
            self._display.print_change("silence", f"{since:8.2f} s  no samples")

    def close(self) -> None:
        """See `Sink`."""
        self._display.close()

    def _draw(self, silence: str) -> None:
        self._display.draw(lambda _: self._view(silence), every_s=REFRESH_S)

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
