"""What is recorded: which movements, how often, in which order, and for how long."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from finjax.data.bids_files import MISSING
from finjax.data.events import BAD
from finjax.errors import ConfigError

Order = Literal["fixed", "shuffled"]
ORDERS: tuple[Order, ...] = ("shuffled", "fixed")
LONGEST_NAME = 60  # characters of a movement's name: it must fit a line of the terminal and an annotation
LONGEST_S = 3600.0  # of a phase
MOST_REPETITIONS = 1000


@dataclasses.dataclass(frozen=True)
class Trial:
    """One repetition of one movement.

    Attributes:
        movement: its name.
        repetition: its number, from 1.
    """

    movement: str
    repetition: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Timing:
    """How long each phase of a trial takes.

    Attributes:
        ready_s: seconds in which the coming movement is shown; 0: none.
        hold_s: seconds in which the movement is held; these samples get its label.
        rest_s: seconds of rest after it; 0: none.

    Raises:
        ConfigError: a time is out of range.
    """

    ready_s: float = 2.0
    hold_s: float = 5.0
    rest_s: float = 3.0

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            seconds, least = getattr(self, field.name), 0.1 if field.name == "hold_s" else 0.0
            if not (math.isfinite(seconds) and least <= seconds <= LONGEST_S):
                option = "--" + field.name.removesuffix("_s")
                raise ConfigError(f"{option}={seconds:g}: give {least:g} to {LONGEST_S:g} seconds")


def make_trials(
    movements: Sequence[str], *, repetitions: int, order: Order = "shuffled", seed: int = 0, first: int = 1
) -> list[Trial]:
    """Returns every repetition of every movement, one repetition after the other.

    Args:
        movements: names; rest can be one of them.
        repetitions: how often each is held.
        order: of the movements within a repetition: `"shuffled"`, so that the order says nothing about the movement,
            or `"fixed"`, as given.
        seed: of the shuffled orders; each repetition has an order of its own.
        first: number of the first repetition.

    Raises:
        ConfigError: a name cannot be used, or there is nothing to record.
    """
    check_movements(movements)
    if not 1 <= repetitions <= MOST_REPETITIONS:
        raise ConfigError(f"--repetitions={repetitions}: give a number from 1 to {MOST_REPETITIONS}")
    return [
        trial
        for repetition in range(first, first + repetitions)
        for trial in one_repetition(movements, repetition, seed=seed if order == "shuffled" else None)
    ]


def one_repetition(movements: Sequence[str], repetition: int, *, seed: int | None) -> list[Trial]:
    """Returns one repetition of every movement, in an order that seed and repetition give; seed None: as listed."""
    places = (
        range(len(movements)) if seed is None else np.random.default_rng((seed, repetition)).permutation(len(movements))
    )
    return [Trial(movements[place], repetition) for place in places]


def check_movements(movements: Sequence[str]) -> None:
    """Raises `ConfigError` if a name cannot be used, or if there is none."""
    if not movements:
        raise ConfigError("--movements: name at least one movement, such as --movements=rest,fist,open")
    seen: dict[str, str] = {}
    for name in movements:
        if why := _unusable(name):
            raise ConfigError(f"--movements: {name!r} {why}")
        if name.casefold() in seen:
            raise ConfigError(f"--movements: {seen[name.casefold()]!r} and {name!r} are the same name; give each once")
        seen[name.casefold()] = name


def _unusable(name: str) -> str:
    """Returns why a name cannot be used; empty if it can."""
    if not name.strip() or name.casefold() == MISSING:
        return "is not a name"
    if not name.isprintable() or name != name.strip():  # not printable: tab, newline, control characters
        return "has a tab, a line break, or a space at its end; leave it out"
    if len(name) > LONGEST_NAME:
        return f"has {len(name)} characters; at most {LONGEST_NAME} can be shown"
    if name.casefold().startswith(BAD):
        return f"begins with {BAD!r}, which marks bad samples in BIDS and MNE; choose another name"
    return ""
