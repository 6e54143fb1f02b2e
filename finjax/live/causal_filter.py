"""The filter of the training, causal: it needs no future samples, and knows the past of a stream."""

import numpy as np
import scipy  # loads its modules when they are used


class CausalFilter:
    """Filters a stream part by part.

    Args:
        sections: second-order sections `[sections, 6]`, see `finjax.data.filters`; none: samples stay as they are.
    """

    def __init__(self, sections: np.ndarray):
        self._sections = sections
        self.clear()

    def clear(self) -> None:
        """Begins a new stream."""
        self._state: np.ndarray | None = None

    def take(self, samples: np.ndarray) -> np.ndarray:
        """Returns the next samples `[n, C]` of the stream, n from 1, filtered."""
        if not len(self._sections):
            return samples
        if self._state is None:  # as if all earlier samples were equal to the first
            self._state = scipy.signal.sosfilt_zi(self._sections)[..., None] * samples[0]
        filtered, self._state = scipy.signal.sosfilt(self._sections, samples, axis=0, zi=self._state)
        return filtered

    def whole(self, samples: np.ndarray) -> np.ndarray:
        """Returns a recording `[n, C]` filtered, float32, as a stream of its own."""
        return CausalFilter(self._sections).take(samples.astype(np.float64)).astype(np.float32)
