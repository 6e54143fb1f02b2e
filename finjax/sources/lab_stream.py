"""Samples from a stream of the LabStreamingLayer."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from finjax.errors import DataError, FinjaxError
from finjax.sources.source import PATIENCE_S, StreamInfo

FIND_S = 5.0  # how long to look for a stream


class LabStream:
    """A stream of the LabStreamingLayer; needs `pip install pylsl`.

    The layer reconnects to a stream that comes back. If it reports the stream as lost, this class searches for the
    stream again.

    Args:
        name: name of the stream; empty: the first of type EMG.
        channels: number of channels that the stream must have.
        rate_hz: sample rate that the stream must have.

    Raises:
        FinjaxError: pylsl is not installed, or cannot load the LSL library.
        DataError: there is no such stream, or it does not fit the decoder.
    """

    def __init__(self, name: str, *, channels: int, rate_hz: float):
        try:
            import pylsl
        except (ImportError, RuntimeError, OSError) as error:
            raise FinjaxError(
                f"--lsl needs pylsl, which cannot be loaded ({error}): pip install pylsl, or in a checkout "
                "pip install '.[lsl]'"
            ) from error
        self._pylsl, self._channels, self._rate_hz = pylsl, channels, rate_hz
        self._wanted = ("name", name) if name else ("type", "EMG")
        self.problems: Counter[str] = Counter()
        if not (streams := self._find(FIND_S)):
            raise DataError(f"--lsl={name}: no LSL stream of {self._wanted[0]} {self._wanted[1]!r} in {FIND_S:g} s")
        if why := self._misfit(streams[0]):
            raise DataError(f"--lsl={name}: stream {streams[0].name()!r} {why}")
        self.info = StreamInfo(
            name=streams[0].name(),
            rate_hz=streams[0].nominal_srate(),
            channel_names=tuple(str(channel + 1) for channel in range(channels)),
        )
        self._inlet: Any = pylsl.StreamInlet(streams[0])  # None while the stream is lost

    def __iter__(self) -> Iterator[np.ndarray]:
        """See `Source`."""
        while True:
            samples: list = []
            if self._inlet is None:
                self._find_again()
            else:
                try:
                    samples = self._pull()
                except RuntimeError:  # pylsl's LostError (its module differs between versions) and its other errors
                    self.problems["times that the LSL stream was lost"] += 1
                    self._inlet = None
            yield np.asarray(samples, np.float32).reshape(-1, self._channels)

    def close(self) -> None:
        """See `Source`."""
        if self._inlet is not None:
            self._inlet.close_stream()
        self._inlet = None

    def _pull(self) -> list:
        """Waits for a sample and returns it with those that follow; `pull_chunk` alone would wait for a full buffer."""
        first, _ = self._inlet.pull_sample(timeout=PATIENCE_S)
        if first is None:
            return []
        others, _ = self._inlet.pull_chunk(timeout=0.0)
        return [first, *others]

    def _find(self, timeout_s: float) -> list:
        return self._pylsl.resolve_byprop(*self._wanted, timeout=timeout_s)

    def _find_again(self) -> None:
        fitting = [info for info in self._find(PATIENCE_S) if not self._misfit(info)]
        if fitting:
            self._inlet = self._pylsl.StreamInlet(fitting[0])

    def _misfit(self, info: Any) -> str:
        """Returns why a stream cannot be decoded; empty if it can."""
        if info.channel_format() == self._pylsl.cf_string:
            return "sends text, not numbers"
        rate_hz = info.nominal_srate()
        if rate_hz == self._pylsl.IRREGULAR_RATE:
            return f"has no regular rate; the decoder needs {self._rate_hz:g} Hz"
        if info.channel_count() != self._channels or not abs(rate_hz - self._rate_hz) <= 1e-3 * self._rate_hz:
            return (
                f"has {info.channel_count()} channels at {rate_hz:g} Hz; "
                f"the decoder needs {self._channels} at {self._rate_hz:g} Hz"
            )
        return ""
