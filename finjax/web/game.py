"""The target game: how well a person controls the decoder. This part knows nothing of pages.

A game gives one target after the other; each must be reached, and held for the dwell time, within a time limit. Its
clock is that of the decisions: it waits while none come, also while the person has stopped them. Measures are those of
the tests that the literature uses:

- completion rate: share of the targets that were reached and held in time
- time to completion: from the first decision of a target to the end of its dwell
- path efficiency: see `HoldGame` and `CursorGame`
- throughput: see `CursorGame`

References: Simon, Hargrove, Lock, Kuiken, "Target Achievement Control Test: evaluating real-time myoelectric pattern-
recognition control of multifunctional upper-limb prostheses", JRRD 48(6):619–628, 2011. Scheme, Englehart, "Validation
of a selective ensemble-based classification scheme for myoelectric control using a three-dimensional Fitts' law test",
IEEE TNSRE 21(4):616–623, 2013.
"""

import dataclasses
import statistics
from collections.abc import Sequence
from typing import Any, Literal, Protocol

import numpy as np

from finjax.errors import ConfigError

Phase = Literal["pause", "target", "done"]
PAUSE_S = 2.0  # before each target; it is announced, and the person relaxes
ROUNDING_S = 1e-6  # times are sums of rounded numbers
GAP_S = 0.5  # a longer time without decisions does not count: they were stopped
RESTING = ("rest", "neutral", "no motion", "no movement", "relax")  # in names of movements


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rules:
    """What is asked for.

    Attributes:
        targets: how many.
        dwell_s: how long each must be held.
        limit_s: a target that is not completed in this time has failed.
        seed: of the order of the targets.

    Raises:
        ConfigError: a number is out of range.
    """

    targets: int = 10
    dwell_s: float = 1.0
    limit_s: float = 10.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.targets <= 200:
            raise ConfigError(f"{self.targets} targets: give 1 to 200")
        if not 0.1 <= self.dwell_s < self.limit_s <= 120:
            raise ConfigError(
                f"dwell of {self.dwell_s:g} s, limit of {self.limit_s:g} s: the dwell is at least 0.1 s and shorter "
                "than the limit, which is 120 s at most"
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Trial:
    """What became of a target.

    Attributes:
        target: its name.
        completed: whether it was reached and held in time.
        seconds: to completion, with the dwell; the time limit if it was not completed.
        efficiency: path efficiency, 0 to 1; None if it was not completed.
        throughput: bits per second; None without a distance, or if it was not completed.
        overshoots: how often the target was reached and left again.
    """

    target: str
    completed: bool
    seconds: float
    efficiency: float | None = None
    throughput: float | None = None
    overshoots: int = 0


class Task(Protocol):
    """One kind of target: what a decision does, and when the target is reached."""

    kind: str
    names: list[str]  # of the targets, in their order

    def begin(self, number: int) -> None:
        """Begins the target of that number."""

    def step(self, movement: str | None, seconds: float) -> bool | None:
        """Takes a decision that holds for some seconds; returns whether the target is reached, None: as before."""

    def measures(self, seconds: float, dwell_s: float) -> dict[str, float]:
        """Returns `efficiency`, and `throughput` if it is defined, of a target that was completed in `seconds`."""
        ...

    def state(self) -> dict[str, Any]:
        """Returns what a page shows of the target, as JSON content."""
        ...


class Game:
    """Leads through the targets of a task.

    Args:
        task: gives the targets.
        rules: what is asked for.
        update_s: time between two decisions, if it is long.

    Attributes:
        phase: `"pause"` before a target, `"target"`, or `"done"` after the last.
        trials: of the targets so far.
    """

    def __init__(self, task: Task, rules: Rules, *, update_s: float = 0.0):
        self.task, self.rules = task, rules
        self.phase: Phase = "pause"
        self.trials: list[Trial] = []
        self._began: float | None = None  # of the phase
        self._last = 0.0
        self._gap_s = max(GAP_S, 1.5 * update_s)
        self._is_reached = False
        self._held_s = 0.0
        self._overshoots = 0

    def advance(self, time_s: float, movement: str | None) -> None:
        """Takes the next decision: its time and its movement, None for none."""
        if self.phase == "done":
            return
        if self._began is None or time_s < self._last:  # the stream has begun again
            self._began, self._last = time_s, time_s
        passed_s, self._last = time_s - self._last, time_s
        if passed_s > self._gap_s:
            self._began, passed_s = self._began + passed_s, 0.0
        if self.phase == "pause":
            if time_s - self._began >= PAUSE_S - ROUNDING_S:
                self._begin_target(time_s)
            return
        self._take(movement, time_s, passed_s)

    def state(self) -> dict[str, Any]:
        """Returns what a page shows now, as JSON content."""
        number = min(len(self.trials), len(self.task.names) - 1)
        since_s = self._last - (self._last if self._began is None else self._began)
        return {
            "kind": self.task.kind,
            "phase": self.phase,
            "target": self.task.names[number],
            "number": number + 1,
            "of": len(self.task.names),
            "held": min(1.0, self._held_s / self.rules.dwell_s) if self.phase == "target" else 0.0,
            "left_s": round((self.rules.limit_s if self.phase == "target" else PAUSE_S) - since_s, 2),
            "limit_s": self.rules.limit_s,
            "completed": [trial.completed for trial in self.trials],
            **self.task.state(),
        }

    def result(self) -> dict[str, Any]:
        """Returns the measures of the targets so far, as JSON content."""
        done = [trial for trial in self.trials if trial.completed]
        throughputs = [trial.throughput for trial in done if trial.throughput is not None]
        return {
            "kind": self.task.kind,
            "rules": dataclasses.asdict(self.rules),
            "targets": len(self.trials),
            "completion_rate": len(done) / len(self.trials) if self.trials else None,
            "median_seconds": statistics.median(trial.seconds for trial in done) if done else None,
            "path_efficiency": statistics.fmean(trial.efficiency or 0.0 for trial in done) if done else None,
            "throughput_bits_per_s": statistics.fmean(throughputs) if throughputs else None,
            "overshoots_per_target": (
                statistics.fmean(trial.overshoots for trial in self.trials) if self.trials else None
            ),
            "trials": [dataclasses.asdict(trial) for trial in self.trials],
        }

    def _begin_target(self, time_s: float) -> None:
        self.task.begin(len(self.trials))
        self.phase, self._began = "target", time_s
        self._held_s, self._overshoots, self._is_reached = 0.0, 0, False

    def _take(self, movement: str | None, time_s: float, passed_s: float) -> None:
        assert self._began is not None  # the phase has begun
        inside = self.task.step(movement, passed_s)
        if inside and not self._is_reached:
            self._is_reached, self._held_s = True, 0.0
        elif inside:
            self._held_s += passed_s
        elif inside is False and self._is_reached:
            self._is_reached, self._held_s = False, 0.0
            self._overshoots += 1
        seconds = time_s - self._began
        if self._held_s >= self.rules.dwell_s - ROUNDING_S:
            self._end_target(
                Trial(
                    target=self.task.names[len(self.trials)],
                    completed=True,
                    seconds=round(seconds, 4),
                    overshoots=self._overshoots,
                    **self.task.measures(seconds, self.rules.dwell_s),
                )
            )
        elif seconds >= self.rules.limit_s - ROUNDING_S:
            self._end_target(
                Trial(
                    target=self.task.names[len(self.trials)],
                    completed=False,
                    seconds=self.rules.limit_s,
                    overshoots=self._overshoots,
                )
            )

    def _end_target(self, trial: Trial) -> None:
        self.trials.append(trial)
        self.phase = "done" if len(self.trials) == len(self.task.names) else "pause"
        self._began, self._held_s = self._last, 0.0


class HoldGame:
    """Targets are movements: the target is reached while the decision is the prompted movement.

    A decision for rest, or for no movement, neither fills the dwell nor ends it, as a prosthesis stands still then
    (Simon et al. end a trial's dwell only if the posture leaves the target). Any other movement ends it.

    Path efficiency is the share of decisions that were right, rest or none, from the first right decision of the
    target to its completion: 1 if the person never left the movement again. There is no distance, so no throughput.

    Args:
        movements: to prompt.
        rules: what is asked for.

    Raises:
        ConfigError: there is no movement.
    """

    kind = "hold"

    def __init__(self, movements: Sequence[str], rules: Rules):
        if not movements:
            raise ConfigError("choose at least one movement")
        self.names = shuffled(movements, rules.targets, seed=rules.seed)
        self._target, self._counts = "", [0, 0]

    def begin(self, number: int) -> None:
        """See `Task`."""
        self._target, self._counts = self.names[number], [0, 0]

    def step(self, movement: str | None, seconds: float) -> bool | None:
        """See `Task`."""
        del seconds
        right, still = movement == self._target, movement is None or is_rest(movement)
        if right or self._counts[1]:
            self._counts[0] += right or still
            self._counts[1] += 1
        return None if still and not right else right

    def measures(self, seconds: float, dwell_s: float) -> dict[str, float]:
        """See `Task`."""
        del seconds, dwell_s
        return {"efficiency": self._counts[0] / self._counts[1]}

    def state(self) -> dict[str, Any]:
        """See `Task`."""
        return {}


def is_rest(movement: str) -> bool:
    """Returns whether a movement's name says that the hand rests."""
    return any(word in movement.casefold() for word in RESTING)


def shuffled(items: Sequence[Any], count: int, *, seed: int) -> list[Any]:
    """Returns that many items: all in a random order, then all in another one, and so on."""
    rng = np.random.default_rng(seed)
    rounds = -(-count // len(items))
    return [items[place] for _ in range(rounds) for place in rng.permutation(len(items))][:count]
