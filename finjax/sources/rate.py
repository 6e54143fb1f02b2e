"""Measures the rate of a source: a device may send other samples per second than it says."""

import time
from collections import Counter
from collections.abc import Iterator

import numpy as np

from finjax.sources.source import Source

PERIOD_S = 4.0  # over which the rate is measured
WARM_UP_S = 1.0  # after the first sample: samples that have waited come all at once
SILENCE_S = 1.0  # without samples: the measurement begins again
TOLERANCE = 0.1  # of the rate
RAN_AT = "the stream ran at"


def losses(problems: Counter[str]) -> int:
    """Returns how often a source lost samples: all its problems but another rate, at which none are lost."""
    return sum(count for what, count in problems.items() if not what.startswith(RAN_AT))


class RateWatch:
    """Counts the periods in which a stream runs too fast or too slow; a period counts once, however long it is.

    It measures from the arrival of one chunk to the arrival of another, so that large chunks do not disturb it.
    Silences are not measured: see `Silences`.

    Args:
        rate_hz: samples per second that the stream should have.
        problems: counts how often the stream ran at which rate, in two digits, so that there are few different ones.
    """

    def __init__(self, rate_hz: float, problems: Counter[str]):
        self._rate_hz, self._problems = rate_hz, problems
        self._off = False  # whether the stream was off at the last measurement
        self._begin_s: float | None = None  # when the measurement begins: at the first chunk after this time
        self._count, self._measuring, self._last_s = 0, False, 0.0

    def look(self, count: int) -> None:
        """Takes the number of new samples; 0: none have come."""
        now = time.monotonic()
        if not count:
            if now - self._last_s >= SILENCE_S:
                self._begin_s = None
            return
        self._last_s = now
        if self._begin_s is None:
            self._begin_s, self._measuring = now + WARM_UP_S, False
        elif not self._measuring:
            if now >= self._begin_s:
                self._begin_s, self._count, self._measuring = now, 0, True
        else:
            self._count += count
            if now - self._begin_s >= PERIOD_S:
                self._compare(self._count / (now - self._begin_s))
                self._begin_s, self._count = now, 0

    def _compare(self, measured_hz: float) -> None:
        off = abs(measured_hz - self._rate_hz) > TOLERANCE * self._rate_hz
        if off and not self._off:
            measured = f"{float(f'{measured_hz:.2g}'):g}"
            self._problems[f"{RAN_AT} {measured} instead of {self._rate_hz:g} samples per second"] += 1
        self._off = off


class RateWatched:
    """A source whose rate is measured; what is wrong is counted in the source's own `problems`.

    Args:
        source: the source.

    Attributes:
        source: the source itself.
    """

    def __init__(self, source: Source):
        self.source, self.info, self.problems = source, source.info, source.problems

    def __iter__(self) -> Iterator[np.ndarray]:
        """See `Source`."""
        watch = RateWatch(self.info.rate_hz, self.problems)
        for chunk in self.source:
            watch.look(len(chunk))
            yield chunk

    def close(self) -> None:
        """See `Source`."""
        self.source.close()
