"""Electrodes that gave no signal in a recording: flat ones and saturated ones."""

from collections.abc import Sequence

import numpy as np

# Of the samples of eight people of 3DC, at most 2 % equal the one before, and none of these lies at an end.
STUCK_SHARE = 0.5  # of samples equal to the one before them: no living electrode has so many
RAIL_SHARE = 0.001  # of samples that stay at the recording's largest or smallest value: a converter at its end


def describe_faults(signals: Sequence[np.ndarray], channel_names: Sequence[str]) -> list[str]:
    """Returns a note that names the flat electrodes of a subject's recording, and one the saturated ones.

    Args:
        signals: pieces `[N, C]`, not filtered yet.
        channel_names: C names.
    """
    flat, saturated = [], []
    for channel, name in enumerate(channel_names):
        pieces = [signal[:, channel] for signal in signals]
        ends = min(piece.min() for piece in pieces), max(piece.max() for piece in pieces)
        same = [piece[1:] == piece[:-1] for piece in pieces]
        samples = sum(map(len, pieces))
        stuck = sum(int(mask.sum()) for mask in same)
        rail = sum(int(np.isin(piece[1:][mask], ends).sum()) for piece, mask in zip(pieces, same, strict=True))
        if ends[0] == ends[1] or stuck > STUCK_SHARE * samples:
            flat.append(name)
        elif rail > RAIL_SHARE * samples:
            saturated.append(f"{name} ({rail / samples:.1%})")
    notes = [f"flat electrodes: {', '.join(flat)}"] if flat else []
    if saturated:
        notes.append(f"saturated electrodes (share of samples that stay at an end): {', '.join(saturated)}")
    return notes
