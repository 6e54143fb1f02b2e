"""The training of a run, which logs, saves and resumes in the folder of the run."""

import dataclasses
import logging
import math
import signal
from pathlib import Path

import jax
import numpy as np

from finjax.devices import parallel
from finjax.errors import TrainingError
from finjax.system import interrupts, processes
from finjax.training import memory
from finjax.training.logs import MetricLog, record_run
from finjax.training.loop import Problem, Trainer
from finjax.training.progress import Display, Mean, Progress
from finjax.training.settings import RunFileSettings, TrainerSettings
from finjax.training.shared_checkpoints import SharedCheckpoints
from finjax.training.step import TrainState

logger = logging.getLogger(__name__)


class RunTrainer(Trainer):
    """Trains a run: logs and saves to its folder, and resumes from its last checkpoint.

    Args:
        problem: the network, its loss and its data.
        settings: settings of the training.
        workdir: folder of the run.
        files: settings of the files in that folder.
    """

    def __init__(self, problem: Problem, settings: TrainerSettings, *, workdir: Path, files: RunFileSettings):
        super().__init__(problem, settings)
        self._workdir = workdir
        self._files = files
        self._since_log, self._since_save = Mean(), Mean()

    def run(self) -> TrainState:
        """Trains to the end; returns the state, on the host.

        Raises:
            TrainingError: the loss became infinite or NaN.
            StorageError: the state cannot be saved.
            Interrupted: a signal asked to stop; the state is saved.
        """
        state = self._initial_state()
        with interrupts.held_back() as self._request, SharedCheckpoints(self._workdir) as self._checkpoints:
            if saved := self._checkpoints.restore_newest(state):
                state, progress = saved
                self._progress = Progress(**progress)
            first = self._progress.step
            if not self._last and saved is None:  # a zero-shot model is not trained
                self._record(resumed=False)
                self._save(state, None)
                return state
            if self._finished():
                logger.info("the training is already finished, at step %d", first)
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
            tensorboard = self._files.log.tensorboard
            with (
                MetricLog(self._workdir, resume_step=first, tensorboard=tensorboard) as self._log,
                Display(first=first, last=self._last, batch_size=batch_size) as self._display,
            ):
                return parallel.unreplicate(self._steps(state))

    def _record(self, *, resumed: bool) -> None:
        if processes.is_first():
            record_run(self._workdir / "config.json", self._files.config, resumed=resumed)

    def _asked_to_stop(self, due: set[str]) -> bool:
        """Returns whether to save and stop. Several processes agree on it, at steps where they wait for each other."""
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
            "log": self._files.log.every_steps,
            "watch": self._files.watch_every_steps if self._problem.watch else 0,
            "save": self._files.save_every_steps,
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
            "--workdir, try a tenth of the learning rate, or --config.optimiser.clip_norm=1, and look for non-finite "
            f"samples in the data. {kept}"
        )

    def _act(self, due: set[str], state: TrainState) -> None:
        progress, step = self._progress, self._progress.step
        validated = None
        if "epoch" in due:
            epoch_loss = progress.end_epoch()
            self._log.write(step, epoch=step // self._batches.steps_per_epoch, epoch_loss=epoch_loss)
            if self._problem.validate:
                scores = self._problem.validate(self._completed(state))
                validated = processes.from_first(lambda: scores)  # all processes must stop at the same step
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
            # Only states at the end of an epoch are validated. The others are saved for resuming, not for use.
            loss = validated["loss"] if validated else math.inf
        self._checkpoints.save(
            state,
            normalisers=self._problem.normalisers,
            info=self._problem.info,
            progress=dataclasses.asdict(self._progress),
            loss=loss,
        )
        memory.give_back()
