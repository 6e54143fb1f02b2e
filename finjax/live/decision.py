"""The decision of a live decoder."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True, kw_only=True)
class Decision:
    """The decoder's decision on the window that ends with the newest sample.

    Attributes:
        time_s: time of that sample since the stream began.
        movement: the movement to act on, after vote, rejection and dwell; None: no movement.
        probabilities: `[K]` of this window alone, in the order of `LiveDecoder.movement_names`.
        latency_s: from the arrival of the chunk that completed the window to the decision.
        faults: faulty electrodes by channel name: `"not finite"`, `"flat"` or `"saturated"`. The decoder sets their
            samples to 0. Exception: if at most a tenth of a channel's window is not finite, the decoder uses the
            channel, with the last finite value in each gap.
        has_signal: whether any electrode gives a signal. If none does, `movement` is None at once and the
            probabilities are equal. One sound electrode is enough for a decision.
    """

    time_s: float
    movement: str | None
    probabilities: np.ndarray
    latency_s: float
    faults: dict[str, str]
    has_signal: bool = True
