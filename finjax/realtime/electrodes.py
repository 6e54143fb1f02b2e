"""What is wrong with an electrode, seen in the last samples."""

import numpy as np

from finjax.data.electrodes import STUCK_SHARE

RAIL_SHARE = 0.2  # of samples at the largest or smallest value of the window: a converter at its end


def faults(raw: np.ndarray, finite: np.ndarray) -> dict[int, str]:
    """Returns what is wrong, by channel: `"not finite"`, `"flat"` or `"saturated"`.

    Args:
        raw: `[C, T]` samples as they came, unfiltered; those that were not finite replaced.
        finite: `[C, T]`, whether they were finite (1) or not (0).
    """
    low, high = raw.min(axis=1), raw.max(axis=1)
    stuck = np.mean(raw[:, 1:] == raw[:, :-1], axis=1)
    rail = np.maximum(np.mean(raw == high[:, None], axis=1), np.mean(raw == low[:, None], axis=1))
    found = {}
    for channel in range(len(raw)):
        if not finite[channel].all():
            found[channel] = "not finite"
        elif rail[channel] > RAIL_SHARE and low[channel] < high[channel]:
            found[channel] = "saturated"
        elif stuck[channel] > STUCK_SHARE:
            found[channel] = "flat"
    return found
