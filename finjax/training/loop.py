"""The training loop: dispatches batches and watches the loss, in memory, or with a folder that it logs and saves to."""

import collections
import dataclasses
import logging
import math
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np

from finjax.devices import parallel
from finjax.errors import TrainingError
from finjax.system import interrupts, processes
from finjax.training import memory
from finjax.training.batches import Batches
from finjax.training.logs import MetricLog, record_run
from finjax.training.optimiser import Optimiser, schedule
from finjax.training.progress import Display, Mean, Progress
from finjax.training.settings import RecordSettings, TrainerSettings
from finjax.training.shared_checkpoints import SharedCheckpoints
from finjax.training.step import Loss, TrainState, compiled_train_steps, create_state

logger = logging.getLogger(__name__)

Report = Callable[[int, int, float], None]  # is told the steps taken, the steps in all, and a loss


@dataclasses.dataclass(frozen=True, kw_only=True)
class Problem:
    """What to train.

    Attributes:
        params: initial parameters, the same in all processes.
        stats: initial running statistics, empty where there are none.
        loss: loss of a device's share of a batch.
        optimiser: what updates the parameters.
        tile: examples whose gradient is taken at a time (see `make_train_steps`).
        data: what the loss reads, a tree of host arrays.
        examples: number of examples.
        normalisers: saved with the model of a run.
        info: description of the model, saved with it.
        watch: evaluates a state for the log; nothing is chosen by what it returns.
        validate: scores a state on validation data, at the end of each epoch; its `"loss"` decides which
            checkpoint is the best and when to stop. Without it the training loss does.
        complete: adds to a state what is not trained but computed from it, before it is validated or saved.
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
    """Trains in memory until the budget is spent or the loss stands still.

    Args:
        problem: what to train.
        settings: how.
        report: is told the steps taken, the steps in all and the mean loss of the last ones, after each dispatch.
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
        parallel.spare_memory_maps()
        state = create_state(self._problem.params, self._problem.stats, self._problem.optimiser)
        if self._finished():
            return state
        return parallel.unreplicate(self._steps(state))

    def _steps(self, state: TrainState) -> TrainState:
        """Trains on from a state on the host; returns the last one, replicated."""
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
        """Tells whether to save and stop."""
        del due
        return False

    def _periods(self) -> dict[str, int]:
        """Returns after how many steps each kind of work is due; 0: never."""
        return {"epoch": self._batches.steps_per_epoch}

    def _due(self, before: int, step: int) -> set[str]:
        """Returns what is to be done after `step`, when `before` was the step of the last dispatch."""
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
            f"{what}, with {self._problem.optimiser.rates_text()} ({self._settings.schedule}). Try a tenth of it, and "
            "look for non-finite samples in the data"
        )

    def _act(self, due: set[str], state: TrainState) -> None:
        """Does what is due; `state` is replicated."""
        del state
        if "epoch" in due:
            self._progress.count_quiet(self._progress.end_epoch(), least_change=self._settings.train.stop_change)

    def _finished(self) -> bool:
        patience = self._settings.train.stop_after_epochs
        stood_still = bool(patience) and self._progress.quiet_epochs >= patience
        return stood_still or self._progress.step >= self._last


class RunTrainer(Trainer):
    """Trains a run: logs and saves to its folder, and resumes from there.

    Args:
        problem: what to train.
        settings: how.
        workdir: folder of the run.
        record: how and when to write there.
    """

    def __init__(self, problem: Problem, settings: TrainerSettings, *, workdir: Path, record: RecordSettings):
        super().__init__(problem, settings)
        self._workdir = workdir
        self._recorded = record

    def run(self) -> TrainState:
        """Trains to the end; returns the state, on the host.

        Raises:
            TrainingError: the loss became infinite or NaN.
            StorageError: nothing can be saved.
            Interrupted: a signal asked to stop; what was trained is saved.
        """
        parallel.spare_memory_maps()
        state = create_state(self._problem.params, self._problem.stats, self._problem.optimiser)
        self._since_log, self._since_save = Mean(), Mean()
        with interrupts.held_back() as self._request, SharedCheckpoints(self._workdir) as self._checkpoints:
            if saved := self._checkpoints.restore_newest(state):
                state, progress = saved
                self._progress = Progress(**progress)
            first = self._progress.step
            if not self._last and saved is None:  # a zero-shot model is what it was put together from
                self._record(resumed=False)
                self._save(state, None)
                return state
            if self._finished():
                logger.info("training was finished at step %d", first)
                return state
            batch_size = self._settings.train.batch_size
            logger.info(
                "%s at step %d of %d: %d examples, %d steps an epoch, batches of %d on %d devices",
                "resuming" if first else "starting",
                first,
                self._last,
                self._problem.examples,
                self._batches.steps_per_epoch,
                batch_size,
                parallel.device_count(),
            )
            self._record(resumed=first > 0)
            tensorboard = self._recorded.log.tensorboard
            with (
                MetricLog(self._workdir, resume_step=first, tensorboard=tensorboard) as self._log,
                Display(first=first, last=self._last, batch_size=batch_size) as self._display,
            ):
                return parallel.unreplicate(self._steps(state))

    def _record(self, *, resumed: bool) -> None:
        if processes.is_first():
            record_run(self._workdir / "config.json", self._recorded.config, resumed=resumed)

    def _asked_to_stop(self, due: set[str]) -> bool:
        """Tells whether to save and stop; several processes agree, at steps where they wait for each other anyway."""
        asked = bool(self._request.signum)
        if processes.count() == 1:
            return asked
        if not due or not processes.stack(np.array([asked])).any():
            return False
        self._request.signum = self._request.signum or signal.SIGTERM
        return True

    def _periods(self) -> dict[str, int]:
        return {
            **super()._periods(),
            "log": self._recorded.log.every_steps,
            "watch": self._recorded.watch_every_steps if self._problem.watch else 0,
            "save": self._recorded.save_every_steps,
        }

    def _account(self, metrics: dict) -> None:
        before = self._progress.step
        super()._account(metrics)
        self._display.advance(self._progress.step - before)

    def _count(self, loss: float, count: int) -> None:
        for tally in (self._progress, self._since_log, self._since_save):
            tally.add(loss, count)

    def _not_finite(self, what: str) -> TrainingError:
        saved = self._checkpoints.latest()
        kept = f"The checkpoint of step {saved} is kept." if saved else "No checkpoint was saved yet."
        return TrainingError(
            f"{what}, with {self._problem.optimiser.rates_text()} ({self._settings.schedule}). In another "
            "--workdir, try a tenth of it, or --config.optimiser.clip_norm=1, and look for non-finite samples in the "
            f"data. {kept}"
        )

    def _act(self, due: set[str], state: TrainState) -> None:
        progress, step = self._progress, self._progress.step
        validated = None
        if "epoch" in due:
            epoch_loss = progress.end_epoch()
            self._log.write(step, epoch=step // self._batches.steps_per_epoch, epoch_loss=epoch_loss)
            if self._problem.validate:
                scores = self._problem.validate(self._completed(state))
                validated = processes.from_first(lambda: scores)  # it decides when to stop: in all alike
                self._log.write(step, **{f"validation.{name}": value for name, value in validated.items()})
                progress.count_quiet(validated["loss"], least_change=None)
                due = due | {"save"}
            else:
                progress.count_quiet(epoch_loss, least_change=self._settings.train.stop_change)
            if self._finished():
                due = due | {"log", "save"}
        if "log" in due and self._since_log.count:
            loss = self._since_log.take()
            self._log.write(step, loss=loss, windows_per_s=self._display.report(step, loss))
        if "watch" in due and self._problem.watch:
            self._log.write(step, **self._problem.watch(parallel.unreplicate(state)))
        if "save" in due:
            self._save(self._completed(state), validated)

    def _completed(self, state: TrainState) -> TrainState:
        return self._problem.complete(parallel.unreplicate(state))

    def _save(self, state: TrainState, validated: dict[str, float] | None) -> None:
        if not all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((state.params, state.stats))):
            raise self._not_finite(f"the parameters are no longer finite at step {self._progress.step}")
        loss = self._since_save.take() if self._since_save.count else math.inf
        if self._problem.validate:
            # Only the end of an epoch has been validated: what is saved between is for resuming, not for use.
            loss = validated["loss"] if validated else math.inf
        self._checkpoints.save(
            state,
            normalisers=self._problem.normalisers,
            info=self._problem.info,
            progress=dataclasses.asdict(self._progress),
            loss=loss,
        )
        memory.give_back()
