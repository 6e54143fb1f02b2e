"""The z-score of a signal, in NumPy."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from finjax.data.recording import UNLABELLED, Recording
from finjax.data.units import factor_between
from finjax.errors import DataError

# The signal of a flat electrode becomes 0: there is no deviation to divide by.
SMALLEST_DEVIATION = 1e-8


def z_score(signal: Any, mean: Any, std: Any, limit: Any) -> Any:
    """Returns `(signal − mean) / std`, clipped to ±limit; NumPy or JAX arrays that broadcast."""
    return ((signal - mean) / std).clip(-limit, limit)


def channel_statistics(signal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns mean and standard deviation `[C]` of a signal `[C, N]`, float32, summed in float64."""
    mean = signal.mean(axis=1, dtype=np.float64)
    std = signal.std(axis=1, dtype=np.float64)
    return mean.astype(np.float32), np.where(std < SMALLEST_DEVIATION, 1.0, std).astype(np.float32)


def normalised(
    recording: Recording,
    *,
    rate_hz: float,
    dataset: str,
    unit: str,
    subjects: Sequence[int],
    mean: np.ndarray,
    std: np.ndarray,
    limit: np.ndarray,
) -> np.ndarray:
    """Z-scores a recording with the stored statistics of a known subject, or else with its own.

    Its own statistics are those of its labelled samples, or of all samples if none is labelled. They need the whole
    recording: it is `config.statistics = "unlabelled"`. Do not use recordings with the samples to be tested.

    Args:
        recording: the recording.
        rate_hz: sampling rate of the training data.
        dataset: name of the training data.
        unit: unit of the training data; empty: not known.
        subjects: the P subjects of the training data.
        mean: `[P, C]`, of these subjects.
        std: `[P, C]`, of these subjects.
        limit: the most standard deviations of a sample.

    Returns:
        `[N, C]` float32.

    Raises:
        DataError: the sampling rate, or a known subject's number of channels or unit, is different.
    """
    if recording.rate_hz != rate_hz:
        raise DataError(f"the recording has {recording.rate_hz:g} Hz, the model {rate_hz:g} Hz: resample the recording")
    known = np.flatnonzero(np.asarray(subjects) == recording.subject)
    if recording.dataset == dataset and len(known):
        mean, std = mean[known[0]], std[known[0]]
        if len(mean) != recording.signal.shape[1]:
            raise DataError(
                f"subject {recording.subject} had {len(mean)} channels in training; "
                f"this recording has {recording.signal.shape[1]}"
            )
        scale = factor_between(
            unit,
            recording.unit,
            refused=f"subject {recording.subject} had another unit in training than this recording",
        )
        mean, std = scale * mean, scale * std
    else:
        labelled = recording.movement != UNLABELLED
        mean, std = channel_statistics(recording.signal[labelled if labelled.any() else slice(None)].T)
    return z_score(recording.signal, mean, std, limit).astype(np.float32)
