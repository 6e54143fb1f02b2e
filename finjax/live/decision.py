"""What a live decoder decides."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True, kw_only=True)
class Decision:
    """What the decoder makes of the window that ends with the newest sample.

    Attributes:
        time_s: of that sample, since the stream began.
        movement: what to act on, after vote, rejection and dwell; None: nothing.
        probabilities: `[K]` of this window alone, in the order of `LiveDecoder.movement_names`.
        latency_s: from the arrival of the chunk that completed the window to the decision.
        faults: what is wrong with electrodes, by name of the channel: `"not finite"`, `"flat"` or `"saturated"`. The
            samples of such a channel were taken as 0. A channel with a tenth of the window or less not finite is an
            exception: it was decoded, with the last finite value in each gap.
        has_signal: whether any electrode gives a signal. Where none does there is no decision: `movement` is None at
            once, and the probabilities are equal. With one sound electrode there still is a decision.
    """

    time_s: float
    movement: str | None
    probabilities: np.ndarray
    latency_s: float
    faults: dict[str, str]
    has_signal: bool = True
