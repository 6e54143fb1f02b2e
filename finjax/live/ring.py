"""A ring buffer of the last samples of a stream."""

import numpy as np


class Ring:
    """Holds the last T samples of each channel in memory of fixed size.

    Every sample is written twice, T apart, so that the last T samples are always contiguous.

    Args:
        channels: how many, C.
        length: how many samples it holds, T.
    """

    def __init__(self, channels: int, length: int):
        self._samples = np.zeros((channels, 2 * length), np.float32)
        self._length = length
        self._next = 0

    def append(self, samples: np.ndarray) -> None:
        """Adds samples `[n, C]`, n at most T."""
        count = len(samples)
        assert count <= self._length, (count, self._length)
        before_end = min(count, self._length - self._next)
        for part, place in ((samples[:before_end], self._next), (samples[before_end:], 0)):
            for half in (place, place + self._length):
                self._samples[:, half : half + len(part)] = part.T
        self._next = (self._next + count) % self._length

    def window(self) -> np.ndarray:
        """Returns the last T samples `[C, T]`, oldest first: a view, which the next `append` changes."""
        return self._samples[:, self._next : self._next + self._length]

    def clear(self) -> None:
        """Forgets all samples."""
        self._samples[:] = 0
        self._next = 0
