"""Training on windows in memory, without files or a working directory: for the estimator and live calibration."""

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
from tqdm import tqdm

from finjax.data.gather import FeatureData, WindowData
from finjax.data.windows import pad_to_grid
from finjax.devices import parallel
from finjax.models.decoders import DecoderNetwork
from finjax.models.discriminant import fit_discriminant
from finjax.training.alignment import shift_of, with_centre
from finjax.training.loop import Problem, Report, Trainer
from finjax.training.losses import DecoderData, DecoderLoss
from finjax.training.optimiser import Optimiser
from finjax.training.predict import decoder_features
from finjax.training.settings import TrainerSettings

STEPS_PER_DISPATCH = 5
WINDOWS_AT_A_TIME = 256  # when the features for fitting a read-out are computed


def batch_size_for(examples: int, *, most: int) -> int:
    """Returns the size of a batch: `most`, or for fewer examples the smallest power of 2 that holds them.

    So trainings with similar numbers of examples share their compiled programs.
    """
    return min(most, 1 << (examples - 1).bit_length())


def tune(
    decoder: DecoderNetwork,
    params: Any,
    stats: Any,
    inputs: FeatureData | WindowData,
    movement: np.ndarray,
    *,
    optimiser: Optimiser,
    settings: TrainerSettings,
    report: Report | None = None,
    jitter: np.ndarray | None = None,
    read_out: str = "",
    read_out_ridge: float = 0.0,
    label_smoothing: float = 0.0,
) -> tuple[Any, Any]:
    """Tunes a decoder to windows, and fits the read-out beside its CNN; returns parameters and statistics.

    Args:
        decoder: the network.
        params: parameters to start from.
        stats: running statistics.
        inputs: the windows.
        movement: `[n]` class of each window.
        optimiser: updates the parameters.
        settings: settings of the training.
        report: gets the progress, see `Trainer`.
        jitter: noise added to the features, see `noise_factor`.
        read_out: kind of the discriminant beside the CNN; empty: none.
        read_out_ridge: see `fit_discriminant`.
        label_smoothing: see `DecoderLoss`.
    """
    data = DecoderData(inputs=inputs, movement=pad_to_grid(movement.astype(np.int32)), jitter=jitter)
    problem = Problem(
        params=params,
        stats=stats,
        loss=DecoderLoss(decoder=decoder, label_smoothing=label_smoothing),
        optimiser=optimiser,
        tile=parallel.share_size(settings.train.batch_size),  # BatchNorm needs the whole share
        data=data,
        examples=len(movement),
    )
    state = Trainer(problem, settings, report=report).run()
    params, stats = state.params, state.stats
    if not read_out and "alignment" not in params:
        return jax.tree.map(np.asarray, (params, stats))
    features = decoder_features(
        decoder,
        params,
        parallel.replicate(inputs),
        windows=len(movement),
        batch_size=min(WINDOWS_AT_A_TIME, len(movement)),
    ) + shift_of(params)
    if "alignment" in params:
        params = with_centre(params, features)
    if read_out:
        classes = len(params["read_out"]["offset"])
        fitted = fit_discriminant(features, movement, kind=read_out, classes=classes, ridge=read_out_ridge)
        params = {**params, "read_out": fitted}
    return jax.tree.map(np.asarray, (params, stats))


@contextlib.contextmanager
def progress_bar(name: str, *, shown: bool) -> Iterator[Report | None]:
    """Shows a training on stderr; yields a function that takes its progress, or None if nothing is shown."""
    if not shown:
        yield None
        return
    with tqdm(desc=name, unit="step", file=sys.stderr) as bar:

        def report(done: int, total: int, loss: float) -> None:
            bar.total = total
            bar.set_postfix_str(f"loss {loss:.4f}", refresh=False)
            bar.update(done - bar.n)

        yield report
