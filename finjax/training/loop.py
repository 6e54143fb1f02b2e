"""The training loop: sends batches to the devices and watches the loss. `run_trainer` adds the folder of a run."""

import collections
import dataclasses
import logging
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from finjax.devices import parallel
from finjax.errors import TrainingError
from finjax.training.batches import Batches
from finjax.training.optimiser import Optimiser, schedule
from finjax.training.progress import Progress
from finjax.training.settings import TrainerSettings
from finjax.training.step import Loss, TrainState, compiled_train_steps, create_state

logger = logging.getLogger(__name__)

Report = Callable[[int, int, float], None]  # gets the steps taken, the number of steps, and a loss


@dataclasses.dataclass(frozen=True, kw_only=True)
class Problem:
    """A network, its loss and its data.

    Attributes:
        params: initial parameters, the same in all processes.
        stats: initial running statistics, empty if there are none.
        loss: loss of a device's share of a batch.
        optimiser: updates the parameters.
        tile: number of examples whose gradient is computed at a time (see `make_train_steps`).
        data: the data for the loss, a tree of host arrays.
        examples: number of examples.
        normalisers: saved with the model of a run.
        info: description of the model, saved with it.
        watch: evaluates a state for the log only; its result decides nothing.
        validate: scores a state on validation data, at the end of each epoch; its `"loss"` decides which
            checkpoint is the best and when to stop. Without `validate`, the training loss decides.
        complete: adds the parts that are computed, not trained, to a state before it is validated or saved.
    """

    params: Any
    stats: Any = dataclasses.field(default_factory=dict)
    loss: Loss
    optimiser: Optimiser
    tile: int
    data: Any
    examples: int
    normalisers: Any = None
    info: dict = dataclasses.field(default_factory=dict)
    watch: Callable[[TrainState], dict[str, float]] | None = None
    validate: Callable[[TrainState], dict[str, float]] | None = None
    complete: Callable[[TrainState], TrainState] = lambda state: state


class Trainer:
    """Trains in memory until the last step, or until the loss no longer changes.

    Args:
        problem: the network, its loss and its data.
        settings: settings of the training.
        report: called after each dispatch with the steps taken, the number of steps, and the mean loss of the dispatch.
    """

    def __init__(self, problem: Problem, settings: TrainerSettings, *, report: Report | None = None):
        self._problem = problem
        self._settings = settings
        self._report = report
        self._progress = Progress()
        self._batches = Batches(
            examples=problem.examples,
            batch_size=settings.train.batch_size,
            steps_per_dispatch=settings.train.steps_per_dispatch,
            seed=settings.seed,
        )
        self._last = settings.train.last_step(self._batches.steps_per_epoch)

    def run(self) -> TrainState:
        """Trains to the end; returns the state, on the host.

        Raises:
            TrainingError: the loss became infinite or NaN.
        """
        state = self._initial_state()
        if self._finished():
            return state
        return parallel.unreplicate(self._steps(state))

    def _initial_state(self) -> TrainState:
        parallel.spare_memory_maps()
        return create_state(self._problem.params, self._problem.stats, self._problem.optimiser)

    def _steps(self, state: TrainState) -> TrainState:
        """Continues the training from a state on the host; returns the last state, replicated."""
        problem, settings = self._problem, self._settings
        train_steps = compiled_train_steps(problem.loss, problem.optimiser, seed=settings.seed, tile=problem.tile)
        state = parallel.replicate(state)
        data = parallel.replicate(problem.data)
        dispatched = self._progress.step
        results = collections.deque()
        for batches in self._batches.dispatches(dispatched, self._last):
            before, dispatched = dispatched, dispatched + len(batches)
            factors = schedule(settings.schedule, first=before, stop=dispatched, total=self._last)
            shares = parallel.share(batches, axis=1)
            state, metrics = train_steps(state, data, shares, parallel.replicate(factors))
            results.append(metrics)
            due = self._due(before, dispatched)
            if asked_to_stop := self._asked_to_stop(due):
                due = due | {"save"}
            # The host reads a result while the devices work on the next, unless it must act on it.
            while len(results) > (0 if due else 1):
                self._account(results.popleft())
            if due:
                self._act(due, state)
            if asked_to_stop:
                logger.info("step %d is saved", dispatched)
            if asked_to_stop or self._finished():
                break
        return state

    def _asked_to_stop(self, due: set[str]) -> bool:
        """Returns whether to save and stop."""
        del due
        return False

    def _periods(self) -> dict[str, int]:
        """Returns the period of each kind of work, in steps; 0: never."""
        return {"epoch": self._batches.steps_per_epoch}

    def _due(self, before: int, step: int) -> set[str]:
        """Returns the work to do after `step`; the dispatch before ended at step `before`."""
        due = {name for name, n in self._periods().items() if n and step // n > before // n}
        return due | ({"log", "save"} if step == self._last else set())

    def _account(self, metrics: dict) -> None:
        """Counts the losses of a dispatch."""
        losses, counts = (np.asarray(metrics[name][0]) for name in ("loss", "count"))
        for loss, count in zip(losses.tolist(), counts.tolist(), strict=True):
            if not math.isfinite(loss):
                raise self._not_finite(f"the loss is {loss} at step {self._progress.step + 1}")
            self._count(loss, count)
        if self._report:
            self._report(self._progress.step, self._last, float(losses.sum() / counts.sum()))

    def _count(self, loss: float, count: int) -> None:
        self._progress.add(loss, count)

    def _not_finite(self, what: str) -> TrainingError:
        return TrainingError(
            f"{what}, with {self._problem.optimiser.rates_text()} ({self._settings.schedule}). Try a tenth of "
            "the learning rate, and look for non-finite samples in the data"
        )

    def _act(self, due: set[str], state: TrainState) -> None:
        """Does the work that is due; `state` is replicated."""
        del state
        if "epoch" in due:
            self._progress.count_quiet(self._progress.end_epoch(), least_change=self._settings.train.stop_change)

    def _finished(self) -> bool:
        patience = self._settings.train.stop_after_epochs
        no_progress = bool(patience) and self._progress.quiet_epochs >= patience
        return no_progress or self._progress.step >= self._last
