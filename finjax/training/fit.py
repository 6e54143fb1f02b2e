"""Training on windows in memory, without files or a working directory: for the estimator and live calibration."""

import contextlib
import dataclasses
import sys
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np
from tqdm import tqdm

from finjax.data.gather import FeatureData, WindowData
from finjax.data.windows import pad_to_grid
from finjax.devices import parallel
from finjax.models.decoders import DecoderNetwork
from finjax.models.discriminant import fit_discriminant
from finjax.training.batches import Batches
from finjax.training.losses import DecoderData, DecoderLoss
from finjax.training.optimiser import Optimiser, schedule
from finjax.training.predict import decoder_features
from finjax.training.progress import Progress
from finjax.training.step import Loss, TrainState, compiled_train_steps, create_state

STEPS_PER_DISPATCH = 5
WINDOWS_AT_A_TIME = 256  # when the features are computed that a read-out is fitted to

Report = Callable[[int, int, float], None]  # is told steps done, steps in all and the loss of the last ones


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """How to train.

    Attributes:
        optimiser: what updates the parameters.
        schedule: of its rates, `"cosine"` or `"constant"`.
        batch_size: examples in a step.
        fill_up: whether the batch is filled up where there are fewer examples, as in a run; else it is smaller.
        steps: steps to take at most; None: by epochs alone.
        epochs: how often each example is taken at most; None: by steps alone.
        steps_per_dispatch: steps handed to the devices at a time.
        stop_after_epochs: in a row that moved the loss less than `stop_change`; 0: never.
        stop_change: see there.
        seed: of batches and noise.
        report: is told the progress, now and then.
    """

    optimiser: Optimiser
    schedule: str = "cosine"
    batch_size: int
    fill_up: bool = False
    steps: int | None = None
    epochs: int | None = None
    steps_per_dispatch: int = STEPS_PER_DISPATCH
    stop_after_epochs: int = 0
    stop_change: float = 0.0
    seed: int = 0
    report: Report | None = None

    def batches(self, examples: int) -> Batches:
        """Returns the batches of so many examples.

        A batch that is not filled up has a power of 2 of them, so that trainings of about as many share programs.
        """
        size = self.batch_size if self.fill_up else min(self.batch_size, 1 << (examples - 1).bit_length())
        return Batches(
            examples=examples, batch_size=size, steps_per_dispatch=self.steps_per_dispatch, seed=self.seed
        )  # fmt: skip

    def total(self, steps_per_epoch: int) -> int:
        """Returns the steps to take."""
        by_epochs = None if self.epochs is None else self.epochs * steps_per_epoch
        return min(limit for limit in (self.steps, by_epochs) if limit is not None)


def train(
    params: Any, stats: Any, loss: Loss, data: Any, *, examples: int, recipe: Recipe, tiled: bool = False
) -> tuple[Any, Any]:
    """Trains a network and returns its parameters and running statistics, on the host.

    Args:
        params: initial parameters.
        stats: initial statistics, empty where there are none.
        loss: what to minimise.
        data: what the loss reads.
        examples: number of examples.
        recipe: how.
        tiled: whether the gradient is taken a few examples at a time; a network with statistics over the batch
            needs the whole share.
    """
    parallel.spare_memory_maps()
    batches = recipe.batches(examples)
    share = parallel.share_size(batches.batch_size)
    tile = parallel.tile_size(share) if tiled else share
    train_steps = compiled_train_steps(loss, recipe.optimiser, seed=recipe.seed, tile=tile)
    state: TrainState = parallel.replicate(create_state(params, stats, recipe.optimiser))
    data, progress = parallel.replicate(data), Progress()
    total = recipe.total(batches.steps_per_epoch)
    for part in batches.dispatches(0, total):
        done = progress.step + len(part)
        factors = schedule(recipe.schedule, first=progress.step, stop=done, total=total)
        state, metrics = train_steps(state, data, parallel.share(part, axis=1), parallel.replicate(factors))
        if not (recipe.report or recipe.stop_after_epochs):
            progress.step = done  # the losses would have to be waited for
            continue
        losses, counts = (np.asarray(metrics[name][0]) for name in ("loss", "count"))
        for loss, count in zip(losses.tolist(), counts.tolist(), strict=True):
            progress.add(loss, count)
        if recipe.report:
            recipe.report(done, total, float(losses.sum() / counts.sum()))
        if done % batches.steps_per_epoch == 0:  # no dispatch is of two epochs
            progress.count_quiet(progress.end_epoch(), least_change=recipe.stop_change)
            if recipe.stop_after_epochs and progress.quiet_epochs >= recipe.stop_after_epochs:
                break
    state = parallel.unreplicate(state)
    return state.params, state.stats


def tune(
    decoder: DecoderNetwork,
    params: Any,
    stats: Any,
    inputs: FeatureData | WindowData,
    movement: np.ndarray,
    *,
    recipe: Recipe,
    jitter: np.ndarray | None = None,
    read_out: str = "",
    label_smoothing: float = 0.0,
) -> tuple[Any, Any]:
    """Tunes a decoder to windows, and fits the read-out beside its CNN; returns parameters and statistics.

    Args:
        decoder: the network.
        params: parameters to start from.
        stats: running statistics.
        inputs: the windows.
        movement: `[n]` class of each.
        recipe: how to train.
        jitter: noise added to the features, see `noise_factor`.
        read_out: kind of the discriminant beside the CNN; empty: there is none.
        label_smoothing: see `DecoderLoss`.
    """
    data = DecoderData(inputs=inputs, movement=pad_to_grid(movement.astype(np.int32)), jitter=jitter)
    loss = DecoderLoss(decoder=decoder, label_smoothing=label_smoothing)
    params, stats = train(params, stats, loss, data, examples=len(movement), recipe=recipe)
    if read_out:
        seen = decoder_features(
            decoder,
            params,
            parallel.replicate(inputs),
            windows=len(movement),
            batch_size=min(WINDOWS_AT_A_TIME, len(movement)),
        )
        classes = len(params["read_out"]["offset"])
        params = {**params, "read_out": fit_discriminant(seen, movement, kind=read_out, classes=classes)}
    return jax.tree.map(np.asarray, (params, stats))


@contextlib.contextmanager
def progress_bar(name: str, *, shown: bool) -> Iterator[Report | None]:
    """Shows a training on stderr, and yields what to report its progress to; None where nothing is shown."""
    if not shown:
        yield None
        return
    with tqdm(desc=name, unit="step", file=sys.stderr) as bar:

        def report(done: int, total: int, loss: float) -> None:
            bar.total = total
            bar.set_postfix_str(f"loss {loss:.4f}", refresh=False)
            bar.update(done - bar.n)

        yield report
