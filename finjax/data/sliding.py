"""Feature values of all overlapping windows of a signal, from running sums."""

import dataclasses
import functools
import math
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from finjax.data.normalise import SignalNormaliser
from finjax.data.windows import Framing, SignalStore, Windows
from finjax.data.zscore import z_score
from finjax.features import Feature

SEGMENTS_AT_A_TIME = 8


def window_sums(terms: np.ndarray, starts: np.ndarray, length: int, *, unit: int = 1) -> np.ndarray:
    """Sums `terms[s : s + length]` for every start `s`, in O(len(terms) + len(starts)).

    First, units of neighbouring terms are summed; a window has whole units and a part of one more. The units are cut
    into blocks of as many units as a window has: its units are the tail of one block plus the head of the next. Running
    sums from both ends of each block therefore give every window. Nothing is subtracted: the difference of two sums
    over the whole recording would lose small windows after a large one (the e^x of the entropy covers 30 orders of
    magnitude).

    Args:
        terms: `[N]`, summed in float64.
        starts: `[n]` first samples, multiples of `unit`, each with `start + length <= N`.
        length: samples in a window.
        unit: terms in a unit.

    Returns:
        `[n]` float64.

    Reference: the two-sided block scan of van Herk 1992 and Gil & Werman 1993, with + in place of max.
    """
    units = _filled(terms, unit)
    whole, rest = divmod(length, unit)
    first = starts // unit
    if not whole:
        return _sum_rows(units[:, :rest])[first]
    blocks = _filled(_sum_rows(units), whole)
    heads = np.cumsum(blocks, axis=1).reshape(-1)
    tails = np.cumsum(blocks[:, ::-1], axis=1)[:, ::-1].reshape(-1)
    sums = tails[first]
    crosses = first % whole != 0
    sums[crosses] += heads[first[crosses] + whole - 1]
    if rest:
        sums += _sum_rows(units[:, :rest])[first + whole]
    return sums


def _filled(values: np.ndarray, width: int) -> np.ndarray:
    """Cuts `[N]` into rows `[⌈N / width⌉, width]`, the last filled with zeros."""
    if len(values) % width:
        values = np.concatenate([values, np.zeros(-len(values) % width)])
    return values.reshape(-1, width)


def _sum_rows(rows: np.ndarray) -> np.ndarray:
    return rows @ np.ones(rows.shape[1]) if rows.shape[1] > 1 else rows[:, 0]  # much faster than np.sum here


def window_features(
    signal: np.ndarray, starts: np.ndarray, *, length: int, feature: Feature, unit: int = 1
) -> np.ndarray:
    """Evaluates a feature on every window of a channel.

    Args:
        signal: `[N]`, z-scored.
        starts: `[n]` first samples of the windows, multiples of `unit`.
        length: samples in a window.
        feature: the feature to evaluate.
        unit: the starts are multiples of it.

    Returns:
        `[n]` float32, equal to `feature.direct` of the windows.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        terms = feature.terms(signal.astype(np.float64))
        # Terms of neighbouring samples are fewer than the samples, in the signal and in a window.
        sums = [window_sums(t, starts, length - (len(signal) - len(t)), unit=unit) for t in terms]
        values = feature.finish(sums, length).astype(np.float32)
    for window in np.flatnonzero(~np.isfinite(values)):  # only where a term overflowed
        values[window] = feature.direct(signal[starts[window] : starts[window] + length])
    return values


def feature_values(
    store: SignalStore,
    normaliser: SignalNormaliser,
    windows: Windows,
    *,
    framing: Framing,
    features: Sequence[Feature],
) -> np.ndarray:
    """Evaluates features on the windows to be predicted, `framing.lead` samples after the given ones.

    Args:
        store: the signals.
        normaliser: z-score of the subjects of `store`, in its order.
        windows: n windows of `store`.
        framing: of the windows.
        features: F features.

    Returns:
        `[n, C, F]` float32.
    """
    values = np.empty((len(windows), len(store.channel_names), len(features)), np.float32)
    unit = math.gcd(framing.step, framing.length)

    def of_channel(piece: _Piece, channel: int) -> None:
        signal = piece.z_scored(store, normaliser, channel)
        for number, feature in enumerate(features):
            found = window_features(signal, piece.starts, length=framing.length, feature=feature, unit=unit)
            values[piece.rows, channel, number] = found

    with ThreadPoolExecutor(os.cpu_count()) as pool:  # NumPy releases the lock while it computes
        for piece in _pieces(store, windows, framing, unit=unit):
            list(pool.map(functools.partial(of_channel, piece), range(values.shape[1])))
    return values


def covariance_values(
    store: SignalStore,
    normaliser: SignalNormaliser,
    windows: Windows,
    *,
    framing: Framing,
    orders: Sequence[int],
) -> np.ndarray:
    """Returns the covariance matrices between the channels of windows, `[n, K, C, C]` float32.

    Args:
        store: the signals.
        normaliser: z-score of the subjects of `store`, in its order.
        windows: n windows of `store`; the matrices are those of the windows `framing.lead` samples later.
        framing: of the windows.
        orders: K orders of the difference whose covariance is taken, 0 for the samples themselves.
    """
    channels = len(store.channel_names)
    values = np.empty((len(windows), len(orders), channels, channels), np.float32)
    unit = math.gcd(framing.step, framing.length)

    def of_order(piece: _Piece, signals: np.ndarray, place: int) -> None:
        differences = np.diff(signals, n=orders[place], axis=1)
        size = framing.length - orders[place]  # of the differences in a window
        rows = np.concatenate([differences, np.ones_like(differences[:1])])  # whose products with the others are sums
        sums = _window_products(rows, piece.starts, size, unit=unit) / size
        means = sums[:, -1, :-1]
        values[piece.rows, place] = sums[:, :-1, :-1] - means[:, :, None] * means[:, None, :]

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for piece in _pieces(store, windows, framing, unit=unit):
            signals = np.stack([piece.z_scored(store, normaliser, channel) for channel in range(channels)])
            list(pool.map(functools.partial(of_order, piece, signals.astype(np.float64)), range(len(orders))))
    return values


def _window_products(rows: np.ndarray, starts: np.ndarray, length: int, *, unit: int) -> np.ndarray:
    """Returns the products of all pairs of rows `[R, N]`, summed over each window, `[n, R, R]`; see `window_sums`."""
    padded = np.pad(rows, ((0, 0), (0, -rows.shape[1] % unit)))
    units = padded.reshape(len(rows), -1, unit).swapaxes(0, 1)  # [R, N] → [units, R, unit]
    products = units @ units.swapaxes(1, 2)
    whole, rest = divmod(length, unit)
    first = starts // unit
    sums = sum((products[first + number] for number in range(whole)), np.zeros((len(starts), len(rows), len(rows))))
    if rest:
        part = units[:, :, :rest]
        sums += (part @ part.swapaxes(1, 2))[first + whole]
    return sums


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Piece:
    """Windows of one subject and a few segments, which are concatenated.

    Attributes:
        rows: numbers of the windows.
        starts: `[n]` first samples of the windows in the concatenated segments, multiples of the unit.
        spans: the segments in the store, each cut to whole units.
        subject: index of the subject.
    """

    rows: np.ndarray
    starts: np.ndarray
    spans: list[slice]
    subject: int

    def z_scored(self, store: SignalStore, normaliser: SignalNormaliser, channel: int) -> np.ndarray:
        """Returns the concatenated segments of a channel, `[N]`."""
        samples = np.concatenate([store.samples[channel, span] for span in self.spans])
        mean, std = normaliser.mean[self.subject][channel], normaliser.std[self.subject][channel]
        return z_score(samples, mean, std, normaliser.limit)


def _pieces(store: SignalStore, windows: Windows, framing: Framing, *, unit: int) -> Iterator[_Piece]:
    """Yields the windows piece by piece, moved by `framing.lead`."""
    for rows in _batches(windows):
        # Concatenate the segments, each cut to whole units, so that windows start at multiples of a unit.
        segments, which = np.unique(windows.segment[rows], return_inverse=True)
        begins, ends, subjects = store.segments[segments, :3].T
        units = (ends - begins) // unit
        spans = [slice(begin, begin + count * unit) for begin, count in zip(begins, units, strict=True)]
        moved = (np.cumsum(units) - units) * unit - begins
        starts = windows.start[rows] + framing.lead + moved[which]
        yield _Piece(rows=rows, starts=starts, spans=spans, subject=subjects[0])


def _batches(windows: Windows) -> Iterator[np.ndarray]:
    """Yields the rows of the windows by subject and a few segments, so that the data fits the CPU's cache."""
    groups = np.stack([windows.subject, windows.segment // SEGMENTS_AT_A_TIME])
    order = np.lexsort(groups[::-1])
    change = np.flatnonzero(np.diff(groups[:, order], axis=1).any(axis=0)) + 1
    yield from (rows for rows in np.split(order, change) if len(rows))
