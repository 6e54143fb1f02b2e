"""What becomes of a stream of decisions before it moves a hand: vote, rejection, dwell."""

from collections import deque

import numpy as np

from finjax.evaluation.classification import majority_vote


class Output:
    """Majority vote, rejection of the unsure, and a least time that a new movement has to last.

    Args:
        vote: decisions that vote, the one at hand included; 1: none.
        least_probability: below it there is no decision; 0: there always is one.
        dwell: decisions in a row that a movement must win before it replaces another; 1: at once.
    """

    def __init__(self, *, vote: int = 1, least_probability: float = 0.0, dwell: int = 1):
        self._last = deque(maxlen=vote)
        self._least_probability = least_probability
        self._dwell = dwell
        self.clear()

    def clear(self) -> None:
        """Forgets what was decided."""
        self._last.clear()
        self._shown: int | None = None
        self._candidate: int | None = None
        self._lasted = 0

    def __call__(self, probabilities: np.ndarray) -> int | None:
        """Returns the movement to act on, or None; probabilities are `[K]`."""
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
