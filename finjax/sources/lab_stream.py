"""Samples from a stream of the LabStreamingLayer."""

import math
import time
from collections import Counter
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np

from finjax.data.units import plain_unit
from finjax.errors import DataError, FinjaxError
from finjax.sources.source import BUFFERED_S, PATIENCE_S, Needed, StreamInfo

FIND_S = 5.0  # how long to look for a stream
LIST_S = 1.0  # how long to look for any streams, to list them
LOST_S = 5.0  # without samples: the sender may be gone without notice, and may have come back at another address
JUMP_S = 0.2  # a longer way between time stamps is a jump; a sender may stamp the samples of a packet all at once


class LabStream:
    """A stream of the LabStreamingLayer; needs `pip install pylsl`.

    If the stream is lost, this class searches until it finds one of that name again that fits. Names of the channels
    and their unit are those of the stream's description; without them the channels are numbered.

    Args:
        name: name of the stream; empty: the first of type EMG.
        needed: what the stream must have.

    Raises:
        FinjaxError: pylsl is not installed, or cannot load the LSL library.
        DataError: there is no such stream, or it does not fit.
    """

    def __init__(self, name: str, *, needed: Needed):
        self._pylsl, self._where = load_pylsl(f"lsl:{name}"), f"lsl:{name}"
        self._wanted = ("name", name) if name else ("type", "EMG")
        self._needed = needed
        self._closed = False
        self._refused = False  # whether the search has found streams that do not fit
        self.problems: Counter[str] = Counter()
        stream = self._first()
        # Without `recover`, since a stream that the layer recovers by itself may have another rate.
        self._inlet: Any = self._connect(stream)  # None while the stream is lost
        self._resolver: Any = None  # searches while the stream is lost
        self._stamp: float | None = None  # time stamp of the last sample
        self._heard_s, self._heard = time.monotonic(), False  # the last sample; whether there was one since the loss
        names, unit = self._described(stream.channel_count())
        self.info = StreamInfo(name=stream.name(), rate_hz=stream.nominal_srate(), channel_names=names, unit=unit)
        self._wanted = ("name", stream.name())  # if it is lost, another stream of type EMG will not do
        self._needed = Needed(channels=stream.channel_count(), rate_hz=stream.nominal_srate())

    def __iter__(self) -> Iterator[np.ndarray]:
        """See `Source`."""
        self._heard_s = time.monotonic()
        while not self._closed:
            samples: list = []
            if self._inlet is None:
                self._find_again()
            else:
                try:
                    samples = self._pull()
                except RuntimeError:  # pylsl's LostError (its module differs between versions) and its other errors
                    self._lose()
            with np.errstate(over="ignore"):  # a value too large for float32 becomes infinite: a fault
                chunk = np.array(samples, np.float64).astype(np.float32).reshape(-1, len(self.info.channel_names))
            yield chunk

    def close(self) -> None:
        """See `Source`."""
        if self._inlet is not None:
            self._inlet.close_stream()
        self._inlet, self._resolver, self._closed = None, None, True

    def _first(self) -> Any:
        """Returns the first stream that fits."""
        if not (streams := self._pylsl.resolve_byprop(*self._wanted, timeout=FIND_S)):
            searched = f"{self._wanted[0]} {self._wanted[1]!r}"
            raise DataError(f"{self._where}: no LSL stream of {searched} in {FIND_S:g} s. {self._others()}")
        misfits = [self._misfit(stream) for stream in streams]
        if all(misfits):
            raise DataError(f"{self._where}: stream {streams[0].name()!r} {misfits[0]}")
        return streams[misfits.index("")]

    def _others(self) -> str:
        """Returns a sentence that lists the streams that there are."""
        streams = [
            f"{one.name()!r} of type {one.type()!r} ({one.channel_count()} channels at {one.nominal_srate():g} Hz)"
            for one in self._pylsl.resolve_streams(wait_time=LIST_S)
        ]
        if not streams:
            return "There is no other stream either: check that the sender is on"
        return f"There are {', '.join(sorted(streams))}"

    def _connect(self, stream: Any) -> Any:
        return self._pylsl.StreamInlet(stream, max_buflen=BUFFERED_S, recover=False)

    def _described(self, channels: int) -> tuple[tuple[str, ...], str]:
        """Returns the names of the channels and their unit, as the stream describes them."""
        names, units = [], set()
        try:
            channel = self._inlet.info(timeout=FIND_S).desc().child("channels").child("channel")
        except (RuntimeError, TimeoutError):  # the search for the stream comes later, while samples are read
            channel = None
        while channel is not None and not channel.empty():
            names.append(channel.child_value("label").strip())
            units.add(plain_unit(channel.child_value("unit")))
            channel = channel.next_sibling("channel")
        if len(names) != channels or not all(names) or len(set(names)) != channels:
            names = [str(number + 1) for number in range(channels)]
        return tuple(names), units.pop() if len(units) == 1 else ""

    def _pull(self) -> list:
        """Waits for a sample and returns it with those that follow; `pull_chunk` alone would wait for a full buffer."""
        first, stamp = self._inlet.pull_sample(timeout=PATIENCE_S)
        if first is None:
            if time.monotonic() - self._heard_s > LOST_S:
                self._lose()
            return []
        self._heard_s, self._heard = time.monotonic(), True
        others, stamps = self._inlet.pull_chunk(timeout=0.0)
        self._check_stamps([stamp, *stamps])
        return [first, *others]

    def _lose(self) -> None:
        """Gives the stream up, so that it is searched for; a stream that stays silent counts once."""
        if self._heard:
            self.problems["times that the LSL stream was lost"] += 1
        self._inlet, self._heard = None, False

    def _check_stamps(self, stamps: list[float]) -> None:
        """Counts the jumps of the time stamps."""
        before = stamps[0] - 1 / self.info.rate_hz if self._stamp is None else self._stamp
        steps = np.diff(np.array([before, *stamps]))
        jumps = int(np.count_nonzero(np.abs(steps - 1 / self.info.rate_hz) > JUMP_S))
        if jumps:
            self.problems["jumps of the LSL stream's time stamps (samples were lost)"] += jumps
        self._stamp = stamps[-1]

    def _find_again(self) -> None:
        """Looks for a moment whether the stream is there again; a resolver searches in the background meanwhile."""
        if self._resolver is None:
            self._resolver = self._pylsl.ContinuousResolver(*self._wanted)
        time.sleep(PATIENCE_S)
        found = self._resolver.results()
        fitting = [stream for stream in found if not self._misfit(stream)]
        if fitting:
            self._inlet, self._resolver = self._connect(fitting[0]), None
            self._stamp, self._heard_s, self._refused = None, time.monotonic(), False
        elif found and not self._refused:
            self.problems["times that the LSL stream came back with other channels or another rate"] += 1
            self._refused = True

    def _misfit(self, stream: Any) -> str:
        """Returns why a stream cannot be used; empty if it can."""
        if stream.channel_format() == self._pylsl.cf_string:
            return "sends text, not numbers"
        if not 0 < stream.nominal_srate() < math.inf:
            return "has no regular rate, which is needed"
        return self._needed.misfit(stream.channel_count(), stream.nominal_srate())


def load_pylsl(where: str) -> ModuleType:
    """Returns the module pylsl.

    Args:
        where: what needs it, for the message.

    Raises:
        FinjaxError: it is not installed, or cannot load the LSL library.
    """
    try:
        import pylsl
    except (ImportError, RuntimeError, OSError) as error:
        raise FinjaxError(
            f"{where}: needs pylsl, which cannot be loaded ({error}): pip install pylsl, or in a checkout "
            "pip install '.[lsl]'"
        ) from error
    return pylsl
