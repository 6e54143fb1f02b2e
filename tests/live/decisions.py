"""Decisions for the tests of sinks, terminal and summary."""

import numpy as np

from finjax.live import Decision

NAMES = ("rest", "grip", "pinch")


def decision(time_s=1.0, movement="grip", latency_s=0.002, faults=()) -> Decision:
    """Returns a decision for one of `NAMES`."""
    probabilities = np.array([0.1, 0.7, 0.2])
    return Decision(
        time_s=time_s, movement=movement, probabilities=probabilities, latency_s=latency_s, faults=dict(faults)
    )
