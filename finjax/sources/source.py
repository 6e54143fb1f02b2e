"""What every source of samples has in common.

Iterating over a source gives chunks of samples `[n, C]` float32 as they arrive, in the unit that `Source.info` names.
While nothing arrives, it gives a few empty chunks each second, so that the caller can stop. A source counts lost
samples in `problems`.
"""

import dataclasses
import time
from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from typing import Protocol

import numpy as np

PATIENCE_S = 0.2  # how long to wait for samples before an empty chunk
BUFFERED_S = 60  # how many seconds of samples a device may keep until they are read


@dataclasses.dataclass(frozen=True, kw_only=True)
class StreamInfo:
    """What is known of a stream before its first sample.

    Attributes:
        name: the device or stream, for messages and recordings.
        rate_hz: samples per second of each channel.
        channel_names: C names, in the order of the columns.
        unit: unit of the samples, such as `"uV"`; empty: not known.
    """

    name: str
    rate_hz: float
    channel_names: tuple[str, ...]
    unit: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Needed:
    """What a stream must have; None: anything.

    Attributes:
        channels: number of channels.
        rate_hz: samples per second of each channel.
    """

    channels: int | None = None
    rate_hz: float | None = None

    def misfit(self, channels: int, rate_hz: float) -> str:
        """Returns what is wrong with a stream of so many channels at this rate; empty if it fits."""
        wrong_rate = self.rate_hz is not None and not abs(rate_hz - self.rate_hz) <= 1e-3 * self.rate_hz  # also NaN
        if self.channels in (None, channels) and not wrong_rate:
            return ""
        count = self.channels if self.channels is not None else channels
        needed_hz = self.rate_hz if self.rate_hz is not None else rate_hz
        return f"has {channels} channels at {rate_hz:g} Hz, but {count} channels at {needed_hz:g} Hz are needed"


class Source(Protocol):
    """Gives chunks of samples, see above.

    Attributes:
        info: what is known of the stream.
        problems: what was lost or wrong, and how often.
    """

    info: StreamInfo
    problems: Counter[str]

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yields samples as they arrive, and empty chunks while none arrive."""
        ...

    def close(self) -> None:
        """Releases the device or port; may be called twice."""
        ...


def limited(
    source: Iterable[np.ndarray], *, seconds: float = 0.0, idle: float = 0.0
) -> Generator[np.ndarray, None, None]:
    """Yields the chunks of a source, including the empty ones, until a time limit.

    Args:
        source: gives chunks `[n, C]`, empty ones while nothing arrives.
        seconds: stop after this time; 0: at the end of the source.
        idle: stop after this many seconds without samples; 0: never.
    """
    started = last = time.monotonic()
    for chunk in source:
        yield chunk
        now = time.monotonic()
        if len(chunk):
            last = now
        if (seconds and now - started >= seconds) or (idle and now - last >= idle):
            return


class Silences:
    """Counts how often no samples came for a while.

    Args:
        longest_s: a longer time without samples is a silence.
    """

    WHAT = "times that no samples came for {:g} s"

    def __init__(self, longest_s: float):
        self._longest_s, self._last, self._silent = longest_s, time.monotonic(), False
        self.problems: Counter[str] = Counter()

    def look(self, count: int) -> float:
        """Takes the number of new samples; during a silence returns the seconds since the last sample, else 0."""
        now = time.monotonic()
        if count:
            self._last, self._silent = now, False
        elif now - self._last >= self._longest_s:
            if not self._silent:
                self.problems[self.WHAT.format(self._longest_s)] += 1
            self._silent = True
            return now - self._last
        return 0.0
