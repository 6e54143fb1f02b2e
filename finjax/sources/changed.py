"""A source whose samples are changed as they come."""

from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np

from finjax.sources.source import Source, StreamInfo


class Changed:
    """A source whose chunks go through a function; what is lost is counted in the source's own `problems`.

    Args:
        source: the source.
        change: function from a chunk `[n, C]`, which may be empty, to the changed one.
        info: what is known of the changed stream.
    """

    def __init__(self, source: Source, change: Callable[[np.ndarray], np.ndarray], *, info: StreamInfo):
        self._source, self._change, self.info = source, change, info
        self.problems: Counter[str] = source.problems

    def __iter__(self) -> Iterator[np.ndarray]:
        """See `Source`."""
        for chunk in self._source:
            yield self._change(chunk)

    def close(self) -> None:
        """See `Source`."""
        self._source.close()
