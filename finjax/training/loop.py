"""The training loop: dispatches batches, watches the loss, logs, saves, and goes on where it stopped."""

import collections
import dataclasses
import logging
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from finjax.checkpoints import Checkpoints
from finjax.errors import ConfigError, TrainingError
from finjax.training import parallel
from finjax.training.batches import Batches
from finjax.training.logs import MetricLog, record_run
from finjax.training.optimiser import build_optimiser
from finjax.training.progress import Display, Mean, Progress
from finjax.training.step import Loss, create_state, make_train_steps

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Problem:
    """What to train.

    Attributes:
        params: initial parameters.
        loss: loss of a device's share of a batch.
        data: what the loss reads, a tree of host arrays.
        examples: number of examples.
        normalisers: saved with the model.
        info: description of the model, saved with it.
        watch: evaluates parameters for the log; nothing is chosen by what it returns.
    """

    params: Any
    loss: Loss
    data: Any
    examples: int
    normalisers: Any
    info: dict
    watch: Callable[[Any], dict[str, float]]


class Trainer:
    """Trains, or goes on training, until the budget is spent or the loss stands still.

    Args:
        problem: what to train.
        config: the whole configuration; `seed`, `train`, `optimiser`, `log`, `checkpoint` and
            `evaluate.every_steps` are read.
        workdir: directory of the run.

    Raises:
        ConfigError: a batch does not divide over the devices.
    """

    def __init__(self, problem: Problem, config: ConfigDict, workdir: Path):
        devices = parallel.device_count()
        if config.train.batch_size % devices:
            raise ConfigError(
                f"--config.train.batch_size={config.train.batch_size} does not divide over {devices} devices"
            )
        self._problem = problem
        self._config = config
        self._workdir = workdir
        self._batches = Batches(
            examples=problem.examples,
            batch_size=config.train.batch_size,
            steps_per_dispatch=config.train.steps_per_dispatch,
            seed=config.seed,
        )
        by_epochs = config.train.max_epochs * self._batches.steps_per_epoch
        self._last = min(config.train.max_steps or by_epochs, by_epochs)

    def run(self) -> None:
        """Trains to the end.

        Raises:
            TrainingError: the loss became infinite or NaN.
        """
        optimiser = build_optimiser(self._config.optimiser, steps=self._last)
        state, self._progress = create_state(self._problem.params, optimiser), Progress()
        with Checkpoints(self._workdir) as self._checkpoints:
            if (saved := self._checkpoints.latest()) is not None:
                state, progress = self._checkpoints.restore(state, saved)
                self._progress = Progress(**progress)
            first = self._progress.step
            if self._finished():
                logger.info("training was finished at step %d", first)
                return
            logger.info(
                "%s at step %d of %d: %d examples, %d steps an epoch, batches of %d on %d devices",
                "going on" if first else "starting",
                first,
                self._last,
                self._problem.examples,
                self._batches.steps_per_epoch,
                self._config.train.batch_size,
                parallel.device_count(),
            )
            record_run(self._workdir / "config.json", self._config, resumed=first > 0)
            tensorboard = self._config.log.tensorboard
            with (
                MetricLog(self._workdir, resume_step=first, tensorboard=tensorboard) as self._log,
                Display(first=first, last=self._last, batch_size=self._config.train.batch_size) as self._display,
            ):
                train_steps = make_train_steps(
                    self._problem.loss,
                    optimiser,
                    seed=self._config.seed,
                    tile=parallel.tile_size(self._config.train.batch_size // parallel.device_count()),
                )
                self._steps(state, train_steps)

    def _steps(self, state: Any, train_steps: Callable) -> None:
        train_steps = parallel.pmap(train_steps, donate_argnums=(0,))
        state = parallel.replicate(state)
        data = parallel.replicate(self._problem.data)
        self._since_log, self._since_save = Mean(), Mean()
        dispatched = self._progress.step
        results = collections.deque()
        for batches in self._batches.dispatches(dispatched, self._last):
            before, dispatched = dispatched, dispatched + len(batches)
            state, metrics = train_steps(state, data, parallel.share(batches, axis=1))
            results.append(metrics)
            due = self._due(before, dispatched)
            # The host reads a result while the devices work on the next, unless it must act on it.
            while len(results) > (0 if due else 1):
                self._account(results.popleft())
            if due:
                self._act(due, state)
            if self._finished():
                break

    def _due(self, before: int, step: int) -> set[str]:
        """Returns what is to be done after `step`, when `before` was the step of the last dispatch."""
        periods = {
            "log": self._config.log.every_steps,
            "watch": self._config.evaluate.every_steps,
            "save": self._config.checkpoint.every_steps,
            "epoch": self._batches.steps_per_epoch,
        }
        due = {name for name, n in periods.items() if n and step // n > before // n}
        return due | ({"log", "save"} if step == self._last else set())

    def _account(self, metrics: dict) -> None:
        """Counts the losses of a dispatch."""
        losses, counts = (np.asarray(metrics[name][0]) for name in ("loss", "count"))
        for loss, count in zip(losses.tolist(), counts.tolist(), strict=True):
            if not math.isfinite(loss):
                raise self._not_finite(f"the loss is {loss} at step {self._progress.step + 1}")
            for tally in (self._progress, self._since_log, self._since_save):
                tally.add(loss, count)
        self._display.advance(len(losses))

    def _not_finite(self, what: str) -> TrainingError:
        optimiser, saved = self._config.optimiser, self._checkpoints.latest()
        return TrainingError(
            f"{what}, with learning rate {optimiser.learning_rate} ({optimiser.schedule}). In another --workdir, try "
            "a tenth of it, or --config.optimiser.clip_norm=1, and look for non-finite samples in the data. "
            + (f"The checkpoint of step {saved} is kept." if saved else "No checkpoint was saved yet.")
        )

    def _act(self, due: set[str], state: Any) -> None:
        progress, step = self._progress, self._progress.step
        if "epoch" in due:
            epoch_loss = progress.end_epoch(stop_change=self._config.train.stop_change)
            self._log.write(step, epoch=step // self._batches.steps_per_epoch, epoch_loss=epoch_loss)
            if self._finished():
                due = due | {"log", "save"}
        if "log" in due and self._since_log.count:
            loss = self._since_log.take()
            self._log.write(step, loss=loss, windows_per_s=self._display.report(step, loss))
        if "watch" in due:
            self._log.write(step, **self._problem.watch(parallel.unreplicate(state.params)))
        if "save" in due:
            state = parallel.unreplicate(state)
            if not all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state.params)):
                raise self._not_finite(f"the parameters are no longer finite at step {step}")
            self._checkpoints.save(
                state,
                normalisers=self._problem.normalisers,
                info=self._problem.info,
                progress=dataclasses.asdict(progress),
                loss=self._since_save.take(),
            )

    def _finished(self) -> bool:
        patience = self._config.train.stop_after_epochs
        stood_still = bool(patience) and self._progress.quiet_epochs >= patience
        return stood_still or self._progress.step >= self._last
