"""Tuning a trained decoder to a new person, from a short labelled recording."""

import dataclasses

import jax
import numpy as np

from finjax.configs.build import align_of, covariance_noise_of, read_out_of, read_out_ridge_of, stage_optimiser
from finjax.configs.settings import FineTuneStage
from finjax.data.gather import FeatureData, WindowData
from finjax.data.recording import Recording
from finjax.data.windows import count_windows, evenly_spaced, index_windows, pack, pad_to_grid
from finjax.errors import DataError
from finjax.features import get_feature
from finjax.inference.model import DecoderModel
from finjax.models.decoders import FeatureDecoder
from finjax.training.alignment import WINDOWS_TO_TURN, PersonWindows, align
from finjax.training.fit import progress_bar, tune
from finjax.training.losses import noise_factor
from finjax.training.predict import virtual_features_of

MOST_WINDOWS = 2000  # without labels: more make the mean of the features no better, and a long recording has many


def checked(model: DecoderModel, samples: np.ndarray, movement: np.ndarray | None) -> np.ndarray | None:
    """Returns labels as an array, if there are any.

    Args:
        model: the decoder.
        samples: `[n, C]`.
        movement: `[n]` index into `model.movement_names`, or −1; None: no labels.

    Raises:
        DataError: the samples are too few or not finite, or the labels do not fit them.
    """
    if len(samples) < model.framing.length:
        raise DataError(
            f"{len(samples)} samples: calibration needs at least {model.framing.length} samples, which are a window"
        )
    if faulty := int(np.count_nonzero(~np.isfinite(samples).all(axis=1))):
        raise DataError(
            f"{faulty} of the {len(samples)} samples are not finite in every channel: calibration needs finite values. "
            "Leave these samples out, or give them a finite value and no label"
        )
    if movement is None:
        return None
    movement = np.asarray(movement)
    if movement.shape != samples.shape[:1] or movement.dtype.kind not in "iu":
        raise DataError(f"movement: calibration needs one integer for each of the {len(samples)} samples")
    return movement


def labelled(model: DecoderModel, samples: np.ndarray, movement: np.ndarray) -> Recording:
    """Returns the recording that samples `[n, C]` and their labels `[n]` are, as one repetition."""
    return Recording(
        dataset=model.dataset,
        subject=0,
        signal=samples,
        movement=movement.astype(np.int16),
        repetition=np.ones(len(samples), np.int16),
        rate_hz=model.rate_hz,
        channel_names=model.channel_names,
        movement_names=model.movement_names,
        unit=model.unit,
    )


def windows_of(model: DecoderModel, recording: Recording) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns the windows of a recording, at the step of the training.

    Returns:
        The windows `[n, C, T]`, those that they predict (they themselves at horizon 0), and their movements `[n]`.

    Raises:
        DataError: fewer than two of its movements are as long as a window.
    """
    if not count_windows(recording.segments(), model.framing).sum():
        raise DataError(f"calibration: no movement of the recording is as long as a window ({model.window_text})")
    store = pack([recording])
    windows = index_windows(store.segments, model.framing)
    if len(found := np.unique(windows.movement)) < 2:
        names = ", ".join(recording.movement_names[movement] for movement in found)
        raise DataError(f"calibration takes two movements or more; the recording has windows of {names} alone")
    framing = model.framing
    cut = [store.cut_out(which, length=framing.length) for which in (windows, windows.later(framing.lead))]
    return cut[0], cut[1], windows.movement


def tuned(
    model: DecoderModel, windows: np.ndarray, movement: np.ndarray, *, predicted: np.ndarray, progress: bool
) -> DecoderModel:
    """Returns the decoder after it has been trained on windows, as its configuration says.

    It trains as a run with that configuration does on all of these windows: none is kept for validation.

    Movements that are not among them stay with the CNN, but the read-out beside it, fitted anew, rules them out.

    Args:
        model: the decoder.
        windows: `[n, C, T]` z-scored.
        movement: `[n]` their movements, as indices into `model.movement_names`.
        predicted: `[n, C, T]` z-scored, the windows that they predict.
        progress: whether to show a bar on stderr.
    """
    settings = model.config
    # What the CNN sees the features of: FINs imitate those of the windows to be predicted.
    seen = predicted if isinstance(settings, FineTuneStage) else windows
    values = _features(model, seen) if model.features else None
    jitter = None
    if values is not None and (scale := covariance_noise_of(settings)):
        jitter = noise_factor(values.reshape(len(values), -1), movement, scale=scale)
    inputs = _inputs(model, windows)
    with progress_bar("calibration", shown=progress) as report:
        params, stats = tune(
            model.decoder,
            model.params,
            model.stats,
            inputs,
            movement,
            optimiser=stage_optimiser(settings),
            settings=settings.trainer,
            report=report,
            jitter=jitter,
            read_out=read_out_of(settings),
            read_out_ridge=read_out_ridge_of(settings),
            label_smoothing=settings.train.label_smoothing,
        )
    return dataclasses.replace(model, params=params, stats=stats)


def is_aligned(model: DecoderModel) -> bool:
    """Returns whether the decoder is aligned with each new person (`cnn.align`)."""
    return bool(align_of(model.config)) and "alignment" in model.params


def some_windows(samples: np.ndarray, model: DecoderModel) -> np.ndarray:
    """Returns evenly spaced windows `[n, C, T]` of samples `[N, C]`, at the step of the training or further apart."""
    framing = model.framing
    windows = np.lib.stride_tricks.sliding_window_view(samples, framing.length, axis=0)[:: framing.step]
    return windows[evenly_spaced(len(windows), MOST_WINDOWS)]


def aligned_with(model: DecoderModel, windows: np.ndarray, movement: np.ndarray | None = None) -> DecoderModel:
    """Returns the decoder aligned with a new person, if its configuration says so (`cnn.align`).

    Args:
        model: the decoder.
        windows: `[n, C, T]` z-scored.
        movement: `[n]` their movements, which choose the turn of the electrodes; None: no labels.
    """
    if not is_aligned(model):
        return model
    to_turn = None
    if align_of(model.config) == "turn":
        some = evenly_spaced(len(windows), WINDOWS_TO_TURN)
        labels = None if movement is None else movement[some]
        to_turn = PersonWindows(inputs=_inputs(model, windows[some]), count=len(some), movement=labels)
    params, _ = align(
        model.decoder,
        model.params,
        model.stats,
        windows=PersonWindows(inputs=_inputs(model, windows), count=len(windows)),
        to_turn=to_turn,
        batch_size=model.config.evaluate.batch_size,
    )
    return dataclasses.replace(model, params=jax.tree.map(np.asarray, params))


def _inputs(model: DecoderModel, windows: np.ndarray) -> FeatureData | WindowData:
    if isinstance(model.decoder, FeatureDecoder):
        return FeatureData(values=pad_to_grid(_features(model, windows)))
    return WindowData.of_windows(windows)


def _features(model: DecoderModel, windows: np.ndarray) -> np.ndarray:
    """Returns the standardised closed-form features that the CNN sees, `[n, C, F]`, or of virtual channels."""
    if "patterns" in model.params:
        values = virtual_features_of(
            windows, model.features, model.params["patterns"], batch_size=model.config.evaluate.batch_size
        )
    else:
        values = np.stack([get_feature(name).direct(windows) for name in model.features], axis=-1)
    return model.feature.standardise(values)
