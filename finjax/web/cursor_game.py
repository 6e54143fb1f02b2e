"""The target game with a cursor, after Fitts: movements drive it, targets have a distance and a width."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from finjax.errors import ConfigError
from finjax.web.game import Rules, is_rest, shuffled

DIRECTIONS = {"left": (-1.0, 0.0), "right": (1.0, 0.0), "up": (0.0, 1.0), "down": (0.0, -1.0)}
SPEED = 0.5  # of the cursor, in half widths of the field per second
DISTANCES, WIDTHS = (0.45, 0.8), (0.2, 0.34)  # of targets; a width is a diameter
# Names of movements that suit a direction; the first that a decoder has is proposed.
USUAL = {
    "left": ("wrist flexion", "flexion of the wrist", "pronation", "power grip", "hand close", "fist"),
    "right": ("wrist extension", "extension of the wrist", "supination", "open hand", "hand open"),
    "up": ("radial deviation", "supination", "open hand", "hand open"),
    "down": ("ulnar deviation", "pronation", "power grip", "hand close", "fist"),
}


class CursorGame:
    """A cursor moves at constant speed in the direction of the decided movement; other movements let it stand still.

    It starts in the middle for each target, and the target is reached while its centre is inside.

    Path efficiency is the distance to the target's centre over the length of the path of the cursor, 1 at most. The
    decoder gives one movement at a time, so that the shortest path to a target between two directions has 0.71.
    Throughput is the index of difficulty, log2(distance / width + 1) bits, over the time of the movement, which is the
    time to completion without the dwell.

    Args:
        movements: the movement of each direction; directions without one are left out.
        rules: what is asked for.

    Raises:
        ConfigError: fewer than two directions have a movement, or two have the same.
    """

    kind = "cursor"

    def __init__(self, movements: Mapping[str, str], rules: Rules):
        chosen = {direction: movement for direction, movement in movements.items() if movement}
        if len(chosen) < 2:
            raise ConfigError("choose the movements of two directions or more")
        if len(set(chosen.values())) < len(chosen):
            raise ConfigError("each direction needs a movement of its own")
        self._velocity = {movement: DIRECTIONS[direction] for direction, movement in chosen.items()}
        places = [
            (distance * x, distance * y, width)
            for x, y in _reachable([DIRECTIONS[direction] for direction in chosen])
            for distance in DISTANCES
            for width in WIDTHS
        ]
        self._places = shuffled(places, rules.targets, seed=rules.seed)
        self.names = [f"{math.hypot(x, y):.2g} away, {width:g} wide" for x, y, width in self._places]
        self.begin(0)

    def begin(self, number: int) -> None:
        """See `Task`."""
        self._x = self._y = self._path = 0.0
        self._target = self._places[number]

    def step(self, movement: str | None, seconds: float) -> bool:
        """See `Task`."""
        x, y = self._velocity.get(movement or "", (0.0, 0.0))
        before = self._x, self._y
        self._x = min(1.0, max(-1.0, self._x + SPEED * seconds * x))
        self._y = min(1.0, max(-1.0, self._y + SPEED * seconds * y))
        self._path += math.hypot(self._x - before[0], self._y - before[1])
        return math.hypot(self._x - self._target[0], self._y - self._target[1]) <= self._target[2] / 2

    def measures(self, seconds: float, dwell_s: float) -> dict[str, float]:
        """See `Task`."""
        distance, width = math.hypot(*self._target[:2]), self._target[2]
        # The edge of the target is nearer than its centre: a path that ends there is not more than efficient.
        efficiency = min(1.0, distance / self._path) if self._path else 1.0
        return {"efficiency": efficiency, "throughput": math.log2(distance / width + 1) / (seconds - dwell_s)}

    def state(self) -> dict[str, Any]:
        """See `Task`."""
        x, y, width = self._target
        return {"cursor": [round(self._x, 4), round(self._y, 4)], "place": [x, y, width]}


def proposed_movements(movement_names: Sequence[str]) -> dict[str, str]:
    """Returns a movement for each direction: one whose name suits it, else the next that is free; rest is none."""
    proposed: dict[str, str] = {}
    for direction, usual in USUAL.items():
        free = [name for name in movement_names if name not in proposed.values()]
        proposed[direction] = next((name for word in usual for name in free if word in name.casefold()), "")
    free = [name for name in movement_names if name not in proposed.values() and not is_rest(name)]
    for direction, name in zip([one for one in proposed if not proposed[one]], free, strict=False):
        proposed[direction] = name
    return proposed


def _reachable(directions: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Returns unit vectors to targets that the directions can reach: along each, and between two that are crosswise."""
    between = [
        ((x + other_x) / math.sqrt(2), (y + other_y) / math.sqrt(2))
        for index, (x, y) in enumerate(directions)
        for other_x, other_y in directions[index + 1 :]
        if x * other_x + y * other_y == 0
    ]
    return directions + between
