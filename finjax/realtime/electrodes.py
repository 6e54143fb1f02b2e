"""What is wrong with an electrode, seen in the last samples."""

import numpy as np

from finjax.data.electrodes import FEWEST_REPEATS, rail_share, stands_still

RAIL_SHARE = 0.2  # of samples that stay at an end: in a short window a strong peak may touch it


def faults(raw: np.ndarray, finite: np.ndarray, *, envelope: bool = False) -> dict[int, str]:
    """Returns what is wrong, by channel: `"not finite"`, `"flat"` or `"saturated"`.

    Flat and saturated mean what they mean in a recording (`finjax.data.electrodes`). A window of an envelope does
    not tell a dead electrode from rest, nor a limit from a slow peak: there only "not finite" is found.

    Args:
        raw: `[C, T]` samples as they came, unfiltered; those that were not finite replaced.
        finite: `[C, T]`, whether they were finite (1) or not (0).
        envelope: whether the samples are rectified envelopes.
    """
    found = dict.fromkeys(np.flatnonzero(~finite.all(axis=1)).tolist(), "not finite")
    if envelope:
        return found
    repeated = np.mean(raw[:, 1:] == raw[:, :-1], axis=1)
    for channel in np.flatnonzero(repeated > min(RAIL_SHARE, FEWEST_REPEATS)).tolist():
        if channel in found:
            continue
        if stands_still([raw[channel]]):
            found[channel] = "flat"
        elif rail_share([raw[channel]], envelope=False) > RAIL_SHARE:
            found[channel] = "saturated"
    return found
