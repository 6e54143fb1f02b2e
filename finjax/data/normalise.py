"""Normalisers: fitted without the test repetitions, and stored with the model.

The statistics of a person's z-score come from one of three sources, which checkpoints, tables and reports name:

- `USED`: the samples of the windows that the model may be fitted to;
- `UNLABELLED`: all samples outside the test repetitions, even if only a share of them is used with labels;
- `OTHERS`: the mean over the people that the model was trained on. No sample of the person is read.
"""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from flax import struct

from finjax.data.number_lists import format_numbers
from finjax.data.windows import Framing, SignalStore, Windows
from finjax.data.zscore import SMALLEST_DEVIATION, channel_statistics
from finjax.errors import DataError

USED, UNLABELLED, OTHERS = "used", "unlabelled", "others"
MEANINGS = {
    USED: "the samples of the windows used",
    UNLABELLED: "all their samples outside the test repetitions, without labels",
    OTHERS: "the mean of the people trained on, none of their own samples",
}


@struct.dataclass
class SignalNormaliser:
    """Z-score per subject and channel, and a limiter for artefacts.

    Attributes:
        subjects: `[P]` subject numbers.
        mean: `[P, C]` float32, in the dataset's unit.
        std: `[P, C]` float32, 1 for a flat channel.
        limit: float32 scalar, the most standard deviations of a sample; infinite for no limit.
    """

    subjects: jax.Array | np.ndarray
    mean: jax.Array | np.ndarray
    std: jax.Array | np.ndarray
    limit: jax.Array | np.ndarray | np.float32

    def with_rows_of(self, stored: "SignalNormaliser") -> "SignalNormaliser":
        """Returns a copy with the limit of a stored normaliser, and with its rows for the subjects that it has."""
        mean, std = np.array(self.mean), np.array(self.std)
        rows = {subject: row for row, subject in enumerate(np.asarray(stored.subjects).tolist())}
        for row, subject in enumerate(np.asarray(self.subjects).tolist()):
            if subject in rows:
                mean[row], std[row] = stored.mean[rows[subject]], stored.std[rows[subject]]
        return dataclasses.replace(self, mean=mean, std=std, limit=stored.limit)

    def mean_over(self, subjects: Collection[int]) -> tuple[np.ndarray, np.ndarray]:
        """Returns mean and std `[C]` for an unknown person: the averages over some subjects.

        By channel, the mean is the average of the subjects' means, and the std that of their standard deviations.
        Every subject counts once, whatever the length of the recording.
        """
        rows = np.isin(self.subjects, list(subjects))
        mean, std = (np.asarray(values)[rows].mean(axis=0, dtype=np.float64) for values in (self.mean, self.std))
        return mean.astype(np.float32), std.astype(np.float32)


@struct.dataclass
class FeatureNormaliser:
    """Standardisation of features over all training windows and channels.

    Attributes:
        mean: float32, in the feature's unit: a scalar, or `[F]` for several features.
        std: float32, likewise.
    """

    mean: jax.Array | np.ndarray
    std: jax.Array | np.ndarray

    def standardise(self, values: Any) -> Any:
        """Standardises feature values `[…]` or `[…, F]`: mean 0, standard deviation 1 over the training windows."""
        return (values - self.mean) / self.std

    def restore(self, standardised: Any) -> Any:
        """The inverse of `standardise`."""
        return standardised * self.std + self.mean


def fit_signal_normaliser(
    store: SignalStore, *, test_repetitions: Collection[int], limit_sd: float = 0.0, subjects: Collection[int] = ()
) -> SignalNormaliser:
    """Fits the z-score of each subject on that subject's repetitions outside the test set (`UNLABELLED`).

    Args:
        store: the signals.
        test_repetitions: repetitions that are not read.
        limit_sd: the most standard deviations of a sample; 0 for no limit.
        subjects: the subjects to fit to; by default all. Others get mean 0 and std 1, and are not read.

    Raises:
        DataError: a subject has no repetition outside the test set.

    Example:
        >>> from finjax.data.synthetic import Settings, generate
        >>> from finjax.data.windows import pack
        >>> store = pack([generate(1, Settings(movement_s=1.0, rest_s=0.0))])
        >>> fit_signal_normaliser(store, test_repetitions=(2, 5)).mean.shape  # subjects × channels
        (1, 12)
    """
    outside = ~np.isin(store.segments[:, 4], list(test_repetitions))
    spans = {}
    for index, subject in enumerate(store.subjects):
        rows = store.segments[outside & (store.segments[:, 2] == index)]
        if subjects and subject not in subjects:
            continue
        if not len(rows):
            raise DataError(
                f"subject {subject} has no repetition outside the test repetitions {sorted(test_repetitions)}, "
                "so its signal's mean and deviation cannot be computed"
            )
        spans[subject] = rows[:, :2]
    return _fit(store, spans, limit_sd=limit_sd)


def fit_signal_normaliser_to_windows(
    store: SignalStore, windows: Windows, *, framing: Framing, limit_sd: float = 0.0
) -> SignalNormaliser:
    """Fits the z-score of each subject on the samples that its windows cover, each sample once (`USED`).

    The samples `framing.lead` ahead belong to a window too: they give its label and the feature to imitate.

    Args:
        store: the signals.
        windows: the windows. A subject without windows gets mean 0 and std 1.
        framing: length and horizon of the windows.
        limit_sd: the most standard deviations of a sample; 0 for no limit.
    """
    spans = {}
    for index, subject in enumerate(store.subjects):
        own = windows.start[windows.subject == index].astype(np.int64)
        if len(own):
            spans[subject] = _union(np.concatenate([own, own + framing.lead]), length=framing.length)
    return _fit(store, spans, limit_sd=limit_sd)


def _union(starts: np.ndarray, *, length: int) -> np.ndarray:
    """Returns the separate spans `[n, 2]` that windows cover together."""
    starts = np.unique(starts)
    gaps = np.flatnonzero(np.diff(starts) > length)
    return np.stack([starts[np.r_[0, gaps + 1]], starts[np.r_[gaps, len(starts) - 1]] + length], axis=1)


def _fit(store: SignalStore, spans: Mapping[int, np.ndarray], *, limit_sd: float) -> SignalNormaliser:
    """Fits the z-score of subjects on spans `[n, 2]` of samples; other subjects get mean 0 and std 1."""
    shape = len(store.subjects), len(store.samples)
    mean, std = np.zeros(shape, np.float32), np.ones(shape, np.float32)
    for row, subject in enumerate(store.subjects):
        if subject not in spans:
            continue
        slices = [slice(start, stop) for start, stop in spans[subject]]
        # One channel at a time: float64 copies of all would need four times the memory of the signal.
        for channel, samples in enumerate(store.samples):
            taken = np.concatenate([samples[span] for span in slices])[None]
            mean[row, channel : channel + 1], std[row, channel : channel + 1] = channel_statistics(taken)
    return SignalNormaliser(
        subjects=np.array(store.subjects, np.int32), mean=mean, std=std, limit=np.float32(limit_sd or np.inf)
    )


def describe_statistics(sources: Mapping[int, str]) -> str:
    """Describes where the z-score of each subject comes from, as `subjects 1-6: …; subjects 7-8: …`."""
    groups: dict[str, list[int]] = {}
    for subject, source in sources.items():
        groups.setdefault(source, []).append(subject)
    return "; ".join(
        f"subject{'s' if len(who) > 1 else ''} {format_numbers(who)}: {MEANINGS[source]}"
        for source, who in groups.items()
    )


def fit_feature_normaliser(values: np.ndarray) -> FeatureNormaliser:
    """Fits the standardisation of one feature on its values in the training windows, of any shape.

    Example:
        >>> normaliser = fit_feature_normaliser(np.array([1.0, 3.0, 5.0, 7.0]))
        >>> float(normaliser.mean), round(float(normaliser.std), 3)
        (4.0, 2.236)
    """
    std = values.std(dtype=np.float64)
    # NumPy's scalars have the methods of arrays.
    return FeatureNormaliser(
        mean=np.float32(values.mean(dtype=np.float64)),  # pyright: ignore[reportArgumentType]
        std=np.float32(std if std >= SMALLEST_DEVIATION else 1.0),  # pyright: ignore[reportArgumentType]
    )


def stack_feature_normalisers(normalisers: Sequence[FeatureNormaliser]) -> FeatureNormaliser:
    """Stacks the standardisations of single features to one of `[…, F]`."""
    return FeatureNormaliser(
        mean=np.array([n.mean for n in normalisers], np.float32), std=np.array([n.std for n in normalisers], np.float32)
    )
