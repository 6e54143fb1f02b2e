"""Selects a share of the tuning data: the first windows of every movement, or random ones."""

import numpy as np

from finjax.data.windows import Windows

WAYS = ("leading", "random")


def take_share(windows: Windows, percentage: float, *, how: str, seed: int) -> np.ndarray:
    """Selects a share of each movement of each subject, at least one window of it.

    Args:
        windows: n windows in temporal order.
        percentage: above 0, to 100.
        how: `"leading"`: the first windows of the movement in time; `"random"`: random windows, as in the published
            code; they overlap with unused windows, and so contain more data than their number suggests.
        seed: seed of the random choice.

    Returns:
        Mask `[n]` of the selected windows.
    """
    assert 0 < percentage <= 100 and how in WAYS, (percentage, how)  # the rules of the configuration refuse others
    rng = np.random.default_rng(seed)
    used = np.zeros(len(windows), bool)
    for rows in _by_movement(windows):
        count = max(1, round(len(rows) * percentage / 100))
        used[rows[:count] if how == "leading" else rng.permutation(rows)[:count]] = True
    return used


def split_off_last(windows: Windows, share: float, *, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Splits every movement in time, for validation; the parts share no sample.

    Args:
        windows: n windows in temporal order.
        share: the share of each movement in the last part, 0 to below 1.
        length: samples in a window.

    Returns:
        Masks `[n]` of the first and the last part. Windows of the last part that overlap with the first are in
        neither. A movement with a single window stays in the first part.
    """
    assert 0 <= share < 1, share  # the rules of the configuration refuse others
    first, last = np.zeros(len(windows), bool), np.zeros(len(windows), bool)
    for rows in _by_movement(windows):
        count = max(1, len(rows) - round(len(rows) * share))
        first[rows[:count]] = True
        border, rest = rows[count - 1], rows[count:]
        apart = (windows.segment[rest] != windows.segment[border]) | (
            windows.start[rest] >= windows.start[border] + length
        )
        last[rest[apart]] = True
    return first, last


def _by_movement(windows: Windows) -> list[np.ndarray]:
    """Returns the rows of each movement of each subject, in temporal order."""
    group = windows.subject.astype(np.int64) * (int(windows.movement.max(initial=0)) + 1) + windows.movement
    order = np.argsort(group, kind="stable")
    borders = np.flatnonzero(np.diff(group[order])) + 1
    return [rows for rows in np.split(order, borders) if len(rows)]
