"""Counts the packages that were lost on the way from a device."""

from collections import Counter

import numpy as np


class PackageCounter:
    """Finds lost packages by the numbers that a device gives its packages.

    Devices count differently: most by 1, some by 2; up to 255, 200 or more; some send several samples in a package.
    So the usual step is the smallest that was seen, and a number that is smaller than the one before is the beginning
    of a new round. Packages that are lost there are not found.

    Args:
        problems: counts the lost packages.
    """

    def __init__(self, problems: Counter[str]):
        self._problems = problems
        self._step = np.inf
        self.reset()

    def reset(self) -> None:
        """Begins a new stream."""
        self._last = np.zeros(0)

    def look(self, numbers: np.ndarray) -> None:
        """Takes the package numbers of the next samples, `[n]`."""
        if not len(numbers):
            return
        steps = np.diff(np.concatenate([self._last, numbers]))
        forward = steps[steps > 0]
        self._step = min(self._step, forward.min(initial=np.inf))
        if lost := int(np.sum(forward / self._step - 1)) if len(forward) else 0:
            self._problems["packages that were lost"] += lost
        self._last = numbers[-1:].copy()
