"""Normalisers: fitted away from the test repetitions, stored with the model."""

from collections.abc import Collection, Sequence

import jax
import numpy as np
from flax import struct

from finjax.data.windows import SignalStore
from finjax.data.zscore import SMALLEST_DEVIATION, channel_statistics
from finjax.errors import DataError


@struct.dataclass
class SignalNormaliser:
    """Z-score per subject and channel, and a limiter for artefacts.

    Attributes:
        subjects: `[S]` subject numbers.
        mean: `[S, C]` float32, in the dataset's unit.
        std: `[S, C]` float32, 1 for a flat channel.
        limit: float32 scalar, standard deviations at which a sample is held; infinite for no limit.
    """

    subjects: jax.Array | np.ndarray
    mean: jax.Array | np.ndarray
    std: jax.Array | np.ndarray
    limit: jax.Array | np.ndarray

    def with_rows_of(self, stored: "SignalNormaliser") -> "SignalNormaliser":
        """Returns this one with the limit of a stored one, and its rows for the subjects that it has."""
        mean, std = np.array(self.mean), np.array(self.std)
        rows = {subject: row for row, subject in enumerate(np.asarray(stored.subjects).tolist())}
        for row, subject in enumerate(np.asarray(self.subjects).tolist()):
            if subject in rows:
                mean[row], std[row] = stored.mean[rows[subject]], stored.std[rows[subject]]
        return self.replace(mean=mean, std=std, limit=stored.limit)


@struct.dataclass
class FeatureNormaliser:
    """Standardisation of features over all training windows and channels.

    Attributes:
        mean: float32, in the feature's unit: a scalar, or `[F]` for several features.
        std: float32, likewise.
    """

    mean: jax.Array | np.ndarray
    std: jax.Array | np.ndarray

    def standardise(self, values):
        """Feature values `[…]` or `[…, F]` → mean 0, standard deviation 1 over the training windows."""
        return (values - self.mean) / self.std

    def restore(self, standardised):
        """The inverse of `standardise`."""
        return standardised * self.std + self.mean


def fit_signal_normaliser(
    store: SignalStore, *, test_repetitions: Collection[int], limit_sd: float = 0.0
) -> SignalNormaliser:
    """Fits the z-score of each subject on that subject's repetitions outside the test set.

    Args:
        store: the signals.
        test_repetitions: repetitions not to look at.
        limit_sd: standard deviations at which samples are to be held; 0 for no limit.

    Raises:
        DataError: a subject has no repetition outside the test set.
    """
    outside = ~np.isin(store.segments[:, 4], list(test_repetitions))
    means, stds = [], []
    for index, subject in enumerate(store.subjects):
        rows = store.segments[outside & (store.segments[:, 2] == index)]
        if not len(rows):
            raise DataError(
                f"subject {subject} has no repetition outside the test repetitions {sorted(test_repetitions)}, "
                "so there is nothing to take its signal's mean and deviation from"
            )
        spans = [slice(start, stop) for start, stop in rows[:, :2]]
        # One channel at a time, as float64 copies of all of them would be four times the signal.
        of_channels = [
            channel_statistics(np.concatenate([samples[span] for span in spans])[None]) for samples in store.samples
        ]
        mean, std = map(np.concatenate, zip(*of_channels, strict=True))
        means.append(mean)
        stds.append(std)
    return SignalNormaliser(
        subjects=np.array(store.subjects, np.int32),
        mean=np.stack(means),
        std=np.stack(stds),
        limit=np.float32(limit_sd or np.inf),
    )


def fit_feature_normaliser(values: np.ndarray) -> FeatureNormaliser:
    """Fits the standardisation of one feature on the values of the training windows, any shape."""
    std = values.std(dtype=np.float64)
    return FeatureNormaliser(
        mean=np.float32(values.mean(dtype=np.float64)),
        std=np.float32(std if std >= SMALLEST_DEVIATION else 1.0),
    )


def stack_feature_normalisers(normalisers: Sequence[FeatureNormaliser]) -> FeatureNormaliser:
    """Joins the standardisations of single features to one of features `[…, F]`."""
    return FeatureNormaliser(
        mean=np.array([n.mean for n in normalisers], np.float32), std=np.array([n.std for n in normalisers], np.float32)
    )
