"""The z-score of a signal, in NumPy."""

from collections.abc import Sequence

import numpy as np

from finjax.data.recording import UNLABELLED, Recording
from finjax.errors import DataError

# A flat electrode has no spread to divide by; it is centred and left at 0.
SMALLEST_DEVIATION = 1e-8


def z_score(signal, mean, std, limit):
    """Returns `(signal − mean) / std`, held within ±limit; NumPy or jax arrays that broadcast."""
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
    subjects: Sequence[int],
    mean: np.ndarray,
    std: np.ndarray,
    limit: np.ndarray,
) -> np.ndarray:
    """Z-scores a recording: by the stored statistics of a known subject, else by its own.

    Its own are those of its labelled samples, or of all where none is labelled. That reads the whole recording: it is
    the "unlabelled" way of `config.statistics`. What is to be tested so must not be in the recording.

    Args:
        recording: the recording.
        rate_hz: sampling rate of the training data.
        dataset: its name.
        subjects: S subjects that were in it.
        mean: `[S, C]` their statistics.
        std: `[S, C]`.
        limit: standard deviations at which samples are held.

    Returns:
        `[N, C]` float32.

    Raises:
        DataError: another sampling rate, or a known subject with another number of channels.
    """
    if recording.rate_hz != rate_hz:
        raise DataError(f"the recording has {recording.rate_hz:g} Hz and the model {rate_hz:g} Hz; resample it first")
    known = np.flatnonzero(np.asarray(subjects) == recording.subject)
    if recording.dataset == dataset and len(known):
        mean, std = mean[known[0]], std[known[0]]
        if len(mean) != recording.signal.shape[1]:
            raise DataError(
                f"subject {recording.subject} had {len(mean)} channels in training; "
                f"this recording has {recording.signal.shape[1]}"
            )
    else:
        labelled = recording.movement != UNLABELLED
        mean, std = channel_statistics(recording.signal[labelled if labelled.any() else slice(None)].T)
    return z_score(recording.signal, mean, std, limit).astype(np.float32)
