"""What to show at each moment of a recording, and which samples get which label.

A session has no clock of its own. The caller passes the time, best the number of samples received divided by their
rate: then the labels fit the samples, and the session waits while no samples come.

Each trial has three phases: `ready` shows the coming movement, in `hold` it is held and the samples get its label,
and `rest` follows.
"""

import dataclasses
from collections.abc import Sequence
from typing import Literal

from finjax.acquisition.trials import Timing, Trial, one_repetition

Phase = Literal["ready", "hold", "rest"]
Status = Literal["good", "skipped", "repeated"]
ROUNDING_S = 1e-6  # shorter than a sample; differences of times are not exact
AFTER: dict[Phase, Phase] = {"ready": "hold", "hold": "rest"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Prompt:
    """What to show at one moment.

    Attributes:
        phase: of the trial.
        movement: the trial's movement; in `rest` the one that was just held.
        repetition: its number.
        seconds: what is left of the phase.
        duration_s: of the whole phase.
        next_movement: movement of the trial after this one; empty after the last.
        done: good trials so far.
        total: good trials at the end, if no further trial is skipped.
        paused: whether the session is paused.
    """

    phase: Phase
    movement: str
    repetition: int
    seconds: float
    duration_s: float
    next_movement: str
    done: int
    total: int
    paused: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class Finished:
    """A movement that was held.

    Attributes:
        start_s: when the person was asked to hold it, on the clock of the caller.
        stop_s: when it ended.
        movement: its name.
        repetition: its number.
        status: `"good"`; `"repeated"` if the trial was done again, or `"skipped"`: then it does not count.
    """

    start_s: float
    stop_s: float
    movement: str
    repetition: int
    status: Status


class Session:
    """Leads through trials; see the module.

    A phase begins when `at` first shows it, and no phase is left out, also if the clock makes a jump.

    Args:
        trials: in their order.
        timing: of the phases.
        seed: gives the order of an added repetition; None: the order in which the movements first came.

    Attributes:
        finished: the movements that were held, in order of time. The last may still change from good to repeated.
    """

    def __init__(self, trials: Sequence[Trial], timing: Timing, *, seed: int | None = None):
        self.finished: list[Finished] = []
        self._trials, self._timing, self._seed = list(trials), timing, seed
        self._movements = list(dict.fromkeys(trial.movement for trial in trials))
        self._place = 0
        self._phase: Phase = "ready"
        self._began: float | None = None  # None: the phase has not been shown yet
        self._now = 0.0
        self.paused = False

    def at(self, time_s: float) -> Prompt | None:
        """Returns what to show at a time, which must not go back; None after the last trial."""
        self._now = time_s
        if self._place == len(self._trials):
            return None
        if self._began is None:
            self._began = time_s
        if not self.paused and time_s - self._began >= self._duration_s() - ROUNDING_S:
            self._advance()
            while self._place < len(self._trials) and not self._duration_s():
                self._advance()
            if self._place == len(self._trials):
                return None
            self._began = time_s
        return self._prompt()

    def pause(self) -> None:
        """Stops the clock of the session. A movement that is being held is held again afterwards."""
        if self.paused or self._place == len(self._trials):
            return
        if self._phase == "hold":
            self._end_hold("repeated")
            self._begin("ready")
        self.paused = True

    def resume(self) -> None:
        """Continues: with the announcement of the next movement, or the whole rest."""
        if self.paused:
            self.paused, self._began = False, None

    def repeat(self) -> None:
        """Does a movement again: the one that is being held, else the one that was held last."""
        if self._phase == "hold":
            self._end_hold("repeated")
        elif self.finished and self.finished[-1].status == "good":
            last = self.finished[-1] = dataclasses.replace(self.finished[-1], status="repeated")
            if self._phase != "rest":  # the session has gone on to the next trial
                self._trials.insert(self._place, Trial(last.movement, last.repetition))
        else:
            return
        self._begin("ready")

    def skip(self) -> None:
        """Leaves out the rest of this trial; in a rest, only what is left of the rest."""
        if self._place == len(self._trials):
            return
        if self._phase == "hold":
            self._end_hold("skipped")
        self._place += 1
        self._begin("ready")

    def add_repetition(self) -> None:
        """Adds one more repetition of every movement at the end."""
        last = max((trial.repetition for trial in self._trials), default=0)
        self._trials += one_repetition(self._movements, last + 1, seed=self._seed)

    def stop(self) -> None:
        """Ends the session. A movement that is being held is marked as skipped."""
        if self._phase == "hold" and self._place < len(self._trials):
            self._end_hold("skipped")
        self._place = len(self._trials)

    def _duration_s(self) -> float:
        return getattr(self._timing, f"{self._phase}_s")

    def _begin(self, phase: Phase) -> None:
        self._phase, self._began = phase, None

    def _advance(self) -> None:
        """Ends a phase that is over."""
        if self._phase == "hold":
            self._end_hold("good")
        if self._phase == "rest":
            self._place += 1
        self._begin(AFTER.get(self._phase, "ready"))

    def _end_hold(self, status: Status) -> None:
        trial, start_s = self._trials[self._place], self._began
        assert start_s is not None  # only a movement that was shown is being held
        stop_s = min(self._now, start_s + self._timing.hold_s)
        self.finished.append(
            Finished(
                start_s=start_s,
                stop_s=stop_s,
                movement=trial.movement,
                repetition=trial.repetition,
                status=status,
            )
        )

    def _prompt(self) -> Prompt:
        trial, after = self._trials[self._place], self._trials[self._place + 1 : self._place + 2]
        assert self._began is not None
        duration_s = self._duration_s()
        done = sum(trial.status == "good" for trial in self.finished)
        return Prompt(
            phase=self._phase,
            movement=trial.movement,
            repetition=trial.repetition,
            seconds=duration_s if self.paused else max(0.0, duration_s - (self._now - self._began)),
            duration_s=duration_s,
            next_movement=after[0].movement if after else "",
            done=done,
            total=done + len(self._trials) - self._place - (self._phase == "rest"),
            paused=self.paused,
        )
