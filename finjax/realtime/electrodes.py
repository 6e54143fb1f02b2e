"""What is wrong with an electrode, seen in the last samples."""

import numpy as np

from finjax.data.electrodes import STILL_SHARE, is_envelope, is_flat, rail_share

RAIL_SHARE = 0.2  # of samples that stay at an end: in a short window a strong peak may touch it


def faults(raw: np.ndarray, finite: np.ndarray) -> dict[int, str]:
    """Returns what is wrong, by channel: `"not finite"`, `"flat"` or `"saturated"`.

    Flat and saturated are what they are in a recording (`finjax.data.electrodes`). A channel of an envelope that
    rests at the lower end of all channels is not flat: nobody can tell rest from a dead electrode there.

    Args:
        raw: `[C, T]` samples as they came, unfiltered; those that were not finite replaced.
        finite: `[C, T]`, whether they were finite (1) or not (0).
    """
    envelope = is_envelope([raw])
    floor = raw.min(initial=np.inf)
    repeated = np.mean(raw[:, 1:] == raw[:, :-1], axis=1)
    suspect = (repeated > min(RAIL_SHARE, STILL_SHARE)) | ~finite.all(axis=1)  # saves the time of looking at the others
    found = {}
    for channel in np.flatnonzero(suspect).tolist():
        samples = raw[channel]
        at_rest = envelope and samples.max() == floor
        if not finite[channel].all():
            found[channel] = "not finite"
        elif is_flat([samples], envelope=envelope) and not at_rest:
            found[channel] = "flat"
        elif rail_share([samples], envelope=envelope) > RAIL_SHARE:
            found[channel] = "saturated"
    return found
