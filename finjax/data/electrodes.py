"""Finds electrodes without a signal, flat or saturated, in a recording or in the last samples of a stream.

A working channel may repeat values for a long time: a rectified envelope stays at its lower end between movements (in
Ninapro DB1, up to 93 % of a channel's samples equal the one before), and a coarse converter has few values.
"""

from collections.abc import Sequence

import numpy as np

MOVING_SHARE = 0.005  # of samples away from the most frequent value; a channel with fewer is flat
FEWEST_REPEATS = 0.3  # of samples equal to the one before, in a flat channel; noise of three values repeats a third
STILL_SAMPLES = 50  # of one value in a row: 25 ms at 2 kHz; no raw signal repeats a value that long
STILL_SHARE = 0.5  # of samples in such rows; a channel with more is flat
RAIL_SHARE = 0.001  # of samples that stay at an end of the channel's range; with more, the converter is at its limit
PILE_UP = 3.0  # times as many samples at the end as at the values next to it: a limit, not a tail
NEIGHBOURS = 3  # values next to the end that are compared
ENVELOPE_FLOOR = 0.05  # of the largest sample; the minimum of an envelope is below


def with_gaps_held(samples: np.ndarray, finite: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Returns samples with the last finite value of the channel in place of each that is not finite.

    Args:
        samples: `[n, C]`.
        finite: `[n, C]`, whether a sample is finite.
        before: `[C]` finite values that came before.
    """
    if finite.all():
        return samples
    places = np.where(finite, np.arange(1, len(samples) + 1)[:, None], 0)  # of the last finite value; 0: `before`
    return np.take_along_axis(np.concatenate([before[None], samples]), np.maximum.accumulate(places, axis=0), axis=0)


def describe_faults(signals: Sequence[np.ndarray], channel_names: Sequence[str]) -> list[str]:
    """Returns notes that name the flat and the saturated electrodes of a subject's recording.

    Args:
        signals: pieces `[N, C]`, unfiltered.
        channel_names: C names.
    """
    envelope = is_envelope(signals)
    flat, saturated = [], []
    for channel, name in enumerate(channel_names):
        pieces = [signal[:, channel] for signal in signals]
        if is_flat(pieces, envelope=envelope):
            flat.append(name)
        elif (share := rail_share(pieces, envelope=envelope)) > RAIL_SHARE:
            saturated.append(f"{name} ({share:.1%})")
    notes = [f"flat electrodes: {', '.join(flat)}"] if flat else []
    if saturated:
        notes.append(f"saturated electrodes (share of samples at the limit): {', '.join(saturated)}")
    return notes


def is_envelope(signals: Sequence[np.ndarray]) -> bool:
    """Returns whether pieces `[N, C]` are rectified: never negative, and sometimes near zero."""
    low = min(signal.min() for signal in signals)
    high = max(signal.max() for signal in signals)
    return bool(0 <= low <= ENVELOPE_FLOOR * high and high > 0)


def is_flat(pieces: Sequence[np.ndarray], *, envelope: bool) -> bool:
    """Returns whether a channel gives no signal: it mostly stands still, or hardly leaves one value.

    Args:
        pieces: pieces `[N]` of one channel.
        envelope: whether it is an envelope, which stands still during rest.
    """
    if min(piece.min() for piece in pieces) == max(piece.max() for piece in pieces):
        return True
    samples = sum(map(len, pieces))
    if _repeats(pieces) < FEWEST_REPEATS * samples:  # it works: skip the slower checks
        return False
    if not envelope and stands_still(pieces):
        return True
    values, counts = _values(pieces)
    step = np.diff(values).min()
    beside = np.abs(values - values[counts.argmax()]) <= 1.5 * step  # a flat channel may still change by one step
    return bool(counts[~beside].sum() < MOVING_SHARE * samples)


def stands_still(pieces: Sequence[np.ndarray]) -> bool:
    """Returns whether a channel mostly keeps one value for a long time; `pieces` `[N]` are of one channel."""
    still = 0
    for piece in pieces:
        borders = np.flatnonzero(piece[1:] != piece[:-1]) + 1
        rows = np.diff(np.concatenate([[0], borders, [len(piece)]]))
        still += int(rows[rows >= min(STILL_SAMPLES, len(piece))].sum())
    return still > STILL_SHARE * sum(map(len, pieces))


def rail_share(pieces: Sequence[np.ndarray], *, envelope: bool) -> float:
    """Returns the share of a channel's samples that stay at an end of its range; 0 if it is not saturated.

    Args:
        pieces: pieces `[N]` of one channel.
        envelope: whether it is an envelope, which stays at its lower end during rest.
    """
    samples = sum(map(len, pieces))
    low, high = min(piece.min() for piece in pieces), max(piece.max() for piece in pieces)
    share = 0.0
    for end in (high,) if envelope else (high, low):
        stays = sum(int(np.count_nonzero((piece[1:] == end) & (piece[:-1] == end))) for piece in pieces)
        if stays <= RAIL_SHARE * samples:
            continue
        counts = _values(pieces)[1]
        inwards = counts[::-1] if end == high else counts
        beside = inwards[1 : 1 + NEIGHBOURS]
        if len(beside) and inwards[0] > PILE_UP * beside.mean():
            share += stays / samples
    return share


def _values(pieces: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Returns the distinct values of a channel, ascending, and how often each occurs."""
    values, counts = np.unique(np.concatenate(pieces), return_counts=True)
    return values.astype(np.float64), counts  # differences of unsigned integers would wrap around


def _repeats(pieces: Sequence[np.ndarray]) -> int:
    """Returns how many samples equal the one before."""
    return sum(int(np.count_nonzero(piece[1:] == piece[:-1])) for piece in pieces)
