"""Feature values of all overlapping windows of a signal, from running sums."""

import numpy as np

from finjax.data.normalise import SignalNormaliser, z_score
from finjax.data.windows import Framing, SignalStore, Windows
from finjax.features import Feature


def window_sums(terms: np.ndarray, starts: np.ndarray, length: int) -> np.ndarray:
    """Sums `terms[s : s + length]` for every start `s`, in O(len(terms) + len(starts)).

    The signal is cut into blocks of `length`; a window is the tail of one block plus the head of the next,
    so two running sums, one from each end of the blocks, hold every answer. Nothing is ever subtracted:
    a difference of two sums over the whole recording would lose the small windows behind a large one
    (the e^x of the entropy spans 30 orders of magnitude).

    Args:
        terms: `[N]`, summed in float64.
        starts: `[n]` first samples, each with `start + length <= N`.
        length: samples in a window.

    Returns:
        `[n]` float64.

    Reference: the two-sided block scan of van Herk 1992 and Gil & Werman 1993, with + in place of max.
    """
    blocks = -(-len(terms) // length)
    padded = np.zeros((blocks, length))
    padded.reshape(-1)[: len(terms)] = terms
    heads = np.cumsum(padded, axis=1).reshape(-1)
    tails = np.cumsum(padded[:, ::-1], axis=1)[:, ::-1].reshape(-1)
    sums = tails[starts]
    crosses = starts % length != 0
    sums[crosses] += heads[starts[crosses] + length - 1]
    return sums


def window_features(signal: np.ndarray, starts: np.ndarray, *, length: int, feature: Feature) -> np.ndarray:
    """Evaluates a feature on every window of every channel.

    Args:
        signal: `[C, N]`, z-scored.
        starts: `[n]` first samples of the windows.
        length: samples in a window.
        feature: what to evaluate.

    Returns:
        `[n, C]` float32, equal to `feature.direct` of the windows.
    """
    values = np.empty((len(starts), len(signal)), np.float32)
    for channel, x in enumerate(signal):
        with np.errstate(over="ignore", invalid="ignore"):
            terms = feature.terms(x.astype(np.float64))
            # A term over neighbouring samples is shorter than the signal, and so is its window.
            sums = [window_sums(t, starts, length - (len(x) - len(t))) for t in terms]
            values[:, channel] = feature.finish(sums, length)
        for window in np.flatnonzero(~np.isfinite(values[:, channel])):  # only where a term overflowed
            values[window, channel] = feature.direct(x[starts[window] : starts[window] + length])
    return values


def feature_values(
    store: SignalStore, normaliser: SignalNormaliser, windows: Windows, *, framing: Framing, feature: Feature
) -> np.ndarray:
    """Evaluates a feature on the windows to be predicted, `framing.lead` samples after the given ones.

    Args:
        store: the signals.
        normaliser: z-score of the subjects of `store`, in its order.
        windows: n windows of `store`.
        framing: their length, step and horizon.
        feature: what to evaluate.

    Returns:
        `[n, C]` float32.
    """
    values = np.empty((len(windows), len(store.channel_names)), np.float32)
    for subject in np.unique(windows.subject):
        rows = np.flatnonzero(windows.subject == subject)
        spans = store.segments[store.segments[:, 2] == subject, :2]
        first, last = spans.min(), spans.max()
        mean, std = normaliser.mean[subject][:, None], normaliser.std[subject][:, None]  # [C, 1]
        signal = z_score(store.samples[:, first:last], mean, std, normaliser.limit)
        starts = windows.start[rows] + framing.lead - first
        values[rows] = window_features(signal, starts, length=framing.length, feature=feature)
    return values
