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
from finjax.evaluation.predict import decoder_features
from finjax.models.decoders import Decoder
from finjax.models.discriminant import fit_discriminant
from finjax.training import parallel
from finjax.training.batches import Batches
from finjax.training.losses import DecoderData, DecoderLoss
from finjax.training.optimiser import Optimiser, schedule
from finjax.training.step import Loss, TrainState, compiled_train_steps, create_state

STEPS_PER_DISPATCH = 5
WINDOWS_AT_A_TIME = 256  # when the features are computed that a read-out is fitted to

Report = Callable[[int, int, float], None]  # is told steps done, steps in all and the loss of the last ones


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """How to train.

    Attributes:
        optimiser: what updates the parameters; its rates fall to 0 along a cosine.
        batch_size: examples in a step; fewer where there are few.
        steps: steps to take; None: by epochs.
        epochs: how often each example is taken, where the steps are not given.
        seed: of batches and noise.
        report: is told the progress, now and then.
    """

    optimiser: Optimiser
    batch_size: int
    steps: int | None = None
    epochs: int = 0
    seed: int = 0
    report: Report | None = None

    def batch(self, examples: int) -> int:
        """Returns the examples in a step where there are so many.

        Where there are fewer than in a batch, a power of 2, so that trainings of about as many share programs.
        """
        return min(self.batch_size, 1 << (examples - 1).bit_length())


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
    batch_size = recipe.batch(examples)
    share = parallel.share_size(batch_size)
    tile = parallel.tile_size(share) if tiled else share
    train_steps = compiled_train_steps(loss, recipe.optimiser, seed=recipe.seed, tile=tile)
    state: TrainState = parallel.replicate(create_state(params, stats, recipe.optimiser))
    data, done = parallel.replicate(data), 0
    batches = Batches(examples=examples, batch_size=batch_size, steps_per_dispatch=STEPS_PER_DISPATCH, seed=recipe.seed)
    total = recipe.epochs * batches.steps_per_epoch if recipe.steps is None else recipe.steps
    for part in batches.dispatches(0, total):
        factors = schedule("cosine", first=done, stop=done + len(part), total=total)
        state, metrics = train_steps(state, data, parallel.share(part, axis=1), parallel.replicate(factors))
        done += len(part)
        if recipe.report:
            recipe.report(done, total, float(metrics["loss"][0].sum() / metrics["count"][0].sum()))
    state = parallel.unreplicate(state)
    return state.params, state.stats


def tune(
    decoder: Decoder,
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
