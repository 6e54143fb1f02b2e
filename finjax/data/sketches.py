"""Sketches of segments: a few numbers that identify the same samples, whatever their labels.

A segment's sketch is the smallest hash values of its runs of `RUN` samples. Two segments with the same samples have the
same sketch. If they share most samples, because the labels of one start a little later, they share most of the sketch.

Reference: Broder, "On the resemblance and containment of documents", 1997.
"""

from collections.abc import Sequence

import numpy as np

SIZE = 8  # hash values in a sketch
RUN = 8  # samples in a hashed run
ODD = 0x9E3779B97F4A7C15  # a large odd number: the golden ratio's first 64 bits

EMPTY = np.zeros((0, SIZE), np.uint64)


def sketch(pieces: Sequence[np.ndarray], segments: np.ndarray) -> np.ndarray:
    """Returns the sketch of each segment.

    Args:
        pieces: `[N, C]` unfiltered samples; hashed as float32.
        segments: `[G, 2]` or wider: start and stop of each in the concatenated pieces.

    Returns:
        `[G, SIZE]` uint64, ascending; all 0 for a segment with too few different runs.
    """
    rows = np.concatenate([_hash_rows(piece) for piece in pieces])
    found = np.zeros((len(segments), SIZE), np.uint64)
    for index, (start, stop) in enumerate(segments[:, :2]):
        values = np.unique(_hash_runs(rows[start:stop]))
        if len(values) >= 2 * SIZE:
            found[index] = values[:SIZE]
    return found


def _hash_rows(signal: np.ndarray) -> np.ndarray:
    """Returns a hash value `[N]` of all channels of each sample."""
    value = np.zeros(len(signal), np.uint64)
    with np.errstate(all="ignore"):
        for channel in range(signal.shape[1]):
            samples = signal[:, channel].astype(np.float32) + np.float32(0)  # −0 becomes 0
            value = _mix(value * np.uint64(ODD) + samples.view(np.uint32))
    return value


def _hash_runs(rows: np.ndarray) -> np.ndarray:
    """Returns a hash value of each run of `RUN` samples, from the samples' hash values `[N]`."""
    count = max(len(rows) - RUN + 1, 0)
    value = np.zeros(count, np.uint64)
    for offset in range(RUN):
        value = value * np.uint64(ODD) + rows[offset : offset + count]
    return _mix(value)


def _mix(value: np.ndarray) -> np.ndarray:
    """Mixes the bits: each one affects all (the finaliser of splitmix64)."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))
