"""How much of the tuning data is used: the first part of every movement in time, or a random part of its windows."""

import numpy as np

from finjax.data.windows import Windows
from finjax.errors import ConfigError

WAYS = ("leading", "random")


def take_share(windows: Windows, percentage: float, *, how: str, seed: int) -> np.ndarray:
    """Selects a share of each movement of each subject, at least one window of it.

    Args:
        windows: n windows in temporal order.
        percentage: above 0, to 100.
        how: `"leading"`: the first windows of the movement in time; `"random"`: any, as in the published code,
            which overlap with those left out and so stand for more data than their number says.
        seed: of the random choice.

    Returns:
        Mask `[n]` of the windows that are used.

    Raises:
        ConfigError: another percentage or way.
    """
    if not 0 < percentage <= 100:
        raise ConfigError(f"--config.percentage={percentage:g}: above 0 and at most 100")
    if how not in WAYS:
        raise ConfigError(f"--config.percentage_how={how!r}: choose from {', '.join(WAYS)}")
    rng = np.random.default_rng(seed)
    used = np.zeros(len(windows), bool)
    for rows in _by_movement(windows):
        count = max(1, round(len(rows) * percentage / 100))
        used[rows[:count] if how == "leading" else rng.permutation(rows)[:count]] = True
    return used


def split_off_last(windows: Windows, share: float, *, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Splits every movement in time, for validation: no sample is in both parts.

    Args:
        windows: n windows in temporal order.
        share: how much of each movement goes into the last part, 0 to below 1.
        length: samples in a window.

    Returns:
        Masks `[n]` of the first and the last part. Windows of the last that would overlap with the first are
        in neither. A movement with a single window stays in the first part.

    Raises:
        ConfigError: another share.
    """
    if not 0 <= share < 1:
        raise ConfigError(f"--config.validation_share={share:g}: 0 (no validation) to below 1")
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
