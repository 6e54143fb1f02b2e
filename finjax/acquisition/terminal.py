"""Shows prompts on a terminal."""

import functools
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TextIO

import numpy as np

from finjax.acquisition.keyboard import HELP
from finjax.acquisition.record import Command
from finjax.acquisition.schedule import Phase, Prompt
from finjax.system.display import Display
from finjax.system.screen import BLOCKS, Row, bar

REFRESH_S = 0.05  # between two screens
TITLES: dict[Phase, str] = {"ready": "get ready", "hold": "HOLD", "rest": "rest"}
LEAST_LINES = 16  # of a terminal that has room for large letters


class Terminal:
    """Redraws one screen: the movement in large letters, what is left of the phase, what comes next, the levels.

    If the output is not a terminal, or one that cannot move its cursor, it prints a line for each phase instead. A
    terminal that blocks or is closed never delays the recording.

    Args:
        channel_names: C names.
        commands: gives the commands since the last call.
        keys: help on the keys; empty: nobody can press one.
        out: the stream to write to; stdout by default.

    Attributes:
        in_place: whether it redraws one screen.
        problems: texts that the terminal did not take.
    """

    def __init__(
        self,
        channel_names: Sequence[str],
        *,
        commands: Callable[[], Iterable[Command]] = tuple,
        keys: str = HELP,
        out: TextIO | None = None,
    ):
        self._channels, self._commands, self._keys = channel_names, commands, keys
        self._highest = np.zeros(len(channel_names))
        self._display = Display(out)
        self.in_place = self._display.in_place
        self.problems: Counter[str] = self._display.problems

    def show(self, prompt: Prompt, level: np.ndarray, *, silent_s: float) -> None:
        """See `Front`."""
        level = np.nan_to_num(level)
        self._highest = np.maximum(self._highest, level)
        if not self.in_place:
            self._print(prompt, silent_s)
            return
        self._display.draw(
            lambda size: self._view(prompt, level, silent_s, large=size.lines >= LEAST_LINES, columns=size.columns - 1),
            every_s=REFRESH_S,
        )

    def commands(self) -> Iterable[Command]:
        """See `Front`."""
        return self._commands()

    def close(self) -> None:
        """Waits a moment for what is not shown yet."""
        self._display.close()

    def _print(self, prompt: Prompt, silent_s: float) -> None:
        """Prints a line if there is something new."""
        silent = silent_s > 0
        news = (prompt.phase, prompt.movement, prompt.repetition, prompt.done, prompt.paused, silent)
        what = "paused" if prompt.paused else TITLES[prompt.phase]
        line = f"{what:<10} {_shown(prompt):<24} repetition {prompt.repetition}, {prompt.done} of {prompt.total} done"
        self._display.print_change(news, line + (", no samples" if silent else ""))

    def _view(self, prompt: Prompt, level: np.ndarray, silent_s: float, *, large: bool, columns: int) -> list[Row]:
        """Returns the rows of the screen."""
        share = 1.0 - prompt.seconds / prompt.duration_s if prompt.duration_s else 1.0
        state = "PAUSED" if prompt.paused else TITLES[prompt.phase]
        heights = np.round((len(BLOCKS) - 1) * level / np.maximum(self._highest, np.finfo(float).tiny)).astype(int)
        bars = "".join(BLOCKS[height] * 2 + " " for height in heights)
        then = "rest" if prompt.phase == "hold" else prompt.next_movement or "end"
        rows = [(True, f"{state:<10} {bar(share)} {prompt.seconds:4.1f} s"), (False, "")]
        rows += [(True, line) for line in _letters(_shown(prompt), large=large, columns=columns)]
        rows += [
            (False, f"next       {then if prompt.phase != 'ready' else prompt.next_movement or 'end'}"),
            (False, f"progress   {bar(prompt.done / max(1, prompt.total))} {prompt.done} of {prompt.total}"),
            (False, f"           repetition {prompt.repetition}"),
            (False, f"channels   {bars}"),
            (True, f"NO SAMPLES for {silent_s:.0f} s: check the device" if silent_s else ""),
        ]
        return [*rows, (False, self._keys)] if self._keys else rows


def _shown(prompt: Prompt) -> str:
    """Returns what the person should see largest."""
    return "rest" if prompt.phase == "rest" else prompt.movement


@functools.lru_cache(maxsize=64)
def _letters(text: str, *, large: bool, columns: int) -> list[str]:
    """Returns the rows of a text in large letters, if there is room, pyfiglet is installed, and it has the letters."""
    if large and text.isascii():
        try:
            import pyfiglet
        except ImportError:
            return [text.upper(), ""]
        lines = pyfiglet.figlet_format(text, font="standard", width=10_000).rstrip("\n").split("\n")
        if lines and max(map(len, lines)) <= columns:
            return lines
    return [text.upper(), ""]
