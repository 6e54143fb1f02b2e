"""Post-processing of decisions: majority vote, rejection, dwell."""

from collections import deque

import numpy as np

from finjax.errors import ConfigError
from finjax.evaluation.classification import majority_vote


class PostProcessor:
    """Applies majority vote, rejection of unsure decisions, and a dwell time to each decision.

    Args:
        vote: number of last decisions that vote, including the current one; 1: no vote.
        least_probability: a decision below this probability is rejected; 0: none is.
        dwell: a movement replaces another after it has won this many decisions in a row; 1: at once.

    Raises:
        ConfigError: `vote` or `least_probability` is out of range.
    """

    def __init__(self, *, vote: int = 1, least_probability: float = 0.0, dwell: int = 1):
        if vote < 1:
            raise ConfigError(f"vote={vote}: must be at least 1")
        if not 0 <= least_probability < 1:
            raise ConfigError(f"least_probability={least_probability:g}: must be at least 0 and below 1")
        self._last: deque[int] = deque(maxlen=vote)
        self._least_probability = least_probability
        self._dwell = dwell
        self.clear()

    def clear(self) -> None:
        """Forgets all earlier decisions."""
        self._last.clear()
        self._shown: int | None = None
        self._candidate: int | None = None
        self._lasted = 0

    def __call__(self, probabilities: np.ndarray) -> int | None:
        """Returns the movement to act on, or None if the decision is rejected; probabilities are `[K]`."""
        movement = int(probabilities.argmax())
        if probabilities[movement] < self._least_probability:
            return self._after_dwell(None)
        self._last.append(movement)
        votes = np.array(self._last)
        return self._after_dwell(int(majority_vote(votes, np.zeros_like(votes), last=len(votes))[-1]))

    def _after_dwell(self, movement: int | None) -> int | None:
        self._lasted = self._lasted + 1 if movement == self._candidate else 1
        self._candidate = movement
        if self._lasted >= self._dwell:
            self._shown = movement
        return self._shown
