"""Where samples come from: a recording replayed at its own pace, the network, or a LabStreamingLayer stream.

A source is iterated over; each item is a chunk of samples `[n, C]` float32 that has just arrived, in the unit of
the training data. What it lost on the way it counts in `problems`.
"""

import itertools
import socket
import time
from collections import Counter
from collections.abc import Iterator

import numpy as np

from finjax.data.recording import Recording
from finjax.errors import DataError, FinjaxError

LARGEST_DATAGRAM = 65_536
PATIENCE_S = 0.2  # how long to wait for the network before looking whether to stop


class Replay:
    """Replays a recording in real time.

    Args:
        recording: the recording, unfiltered if the decoder is to filter.
        chunk: samples at a time.
        speed: times real time; 0: as fast as the decoder takes them.
        loop: whether to begin again at the end, for ever.
    """

    def __init__(self, recording: Recording, *, chunk: int, speed: float = 1.0, loop: bool = False):
        self.recording, self._chunk, self._speed, self._loop = recording, chunk, speed, loop
        self.problems: Counter[str] = Counter()

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yields chunks, each when its last sample is due."""
        rate_hz, sent = self.recording.rate_hz, 0
        started = time.perf_counter()
        for chunk in self._chunks():
            sent += len(chunk)
            if self._speed:
                wait = started + sent / rate_hz / self._speed - time.perf_counter()
                if wait > 0:
                    time.sleep(wait)
                elif -wait > len(chunk) / rate_hz / self._speed:
                    self.problems["chunks that came late because decoding took too long"] += 1
            yield chunk

    def _chunks(self) -> Iterator[np.ndarray]:
        signal = self.recording.signal
        for _ in itertools.count() if self._loop else range(1):
            for start in range(0, len(signal), self._chunk):
                yield np.asarray(signal[start : start + self._chunk])


class Lines:
    """Samples as text from a TCP or UDP port of this machine: a line is one sample of all channels.

    Numbers are separated by commas, semicolons or white space. A line with another number of them, or with
    something else, is counted and left out. A TCP sender may go and come back.

    Args:
        protocol: `"tcp"` or `"udp"`.
        port: to listen at on the loopback interface; 0: any that is free, see `port`.
        channels: numbers in a line.
        idle_s: seconds without anything after which the source ends; 0: never.
    """

    def __init__(self, protocol: str, *, port: int, channels: int, idle_s: float = 0.0):
        self._tcp, self._channels, self._idle_s = protocol == "tcp", channels, idle_s
        self.problems: Counter[str] = Counter()
        self._rest = b""
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM if self._tcp else socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind(("127.0.0.1", port))
        except OSError as error:
            self._socket.close()
            raise FinjaxError(f"cannot listen at port {port} ({error.strerror}): choose another") from error
        self.port = self._socket.getsockname()[1]
        self._socket.settimeout(PATIENCE_S)
        if self._tcp:
            self._socket.listen(1)

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yields what has arrived, as it arrives."""
        last, sender = time.monotonic(), None
        try:
            while not self._idle_s or time.monotonic() - last < self._idle_s:
                try:
                    if self._tcp and sender is None:
                        sender, _ = self._socket.accept()
                        sender.settimeout(PATIENCE_S)
                        continue
                    content = (sender or self._socket).recv(LARGEST_DATAGRAM)
                except TimeoutError:
                    continue
                except OSError:  # the sender is gone without a word
                    content = b""
                if not content:
                    if sender is not None:
                        sender.close()
                        sender = None
                        self.problems["times that the sender went away"] += 1
                        if self._rest:
                            self.problems["lines cut off"] += 1
                            self._rest = b""
                    continue
                last = time.monotonic()
                samples = self._parse(content)
                if len(samples):
                    yield samples
        finally:
            if sender is not None:
                sender.close()
            self._socket.close()

    def _parse(self, content: bytes) -> np.ndarray:
        lines = (self._rest + content).split(b"\n")
        # A datagram is whole; of a TCP stream the last line may be half.
        self._rest = lines.pop() if self._tcp else b""
        found = []
        for line in lines:
            fields = line.replace(b",", b" ").replace(b";", b" ").split()
            if not fields:
                continue
            if len(fields) != self._channels:
                self.problems[f"lines without {self._channels} numbers"] += 1
                continue
            try:
                found.append([float(field) for field in fields])
            except ValueError:
                self.problems["lines with something else than numbers"] += 1
        return np.array(found, np.float32).reshape(-1, self._channels)


class LabStream:
    """A stream of the LabStreamingLayer; takes `pip install pylsl`.

    Args:
        name: of the stream; empty: the first of type EMG.
        channels: that it must have.
        rate_hz: that it must have.
    """

    def __init__(self, name: str, *, channels: int, rate_hz: float):
        try:
            import pylsl
        except ImportError as error:
            raise FinjaxError("an LSL stream takes pylsl, which is not installed: pip install pylsl") from error
        wanted = ("name", name) if name else ("type", "EMG")
        streams = pylsl.resolve_byprop(*wanted, timeout=5)
        if not streams:
            raise DataError(f"no LSL stream of {wanted[0]} {wanted[1]!r} was found in 5 s")
        info = streams[0]
        if info.channel_count() != channels or abs(info.nominal_srate() - rate_hz) > 1e-3 * rate_hz:
            raise DataError(
                f"LSL stream {info.name()!r} has {info.channel_count()} channels at {info.nominal_srate():g} Hz; "
                f"the decoder takes {channels} at {rate_hz:g} Hz"
            )
        self._inlet = pylsl.StreamInlet(info)
        self.problems: Counter[str] = Counter()

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yields what has arrived, as it arrives."""
        while True:
            samples, _ = self._inlet.pull_chunk(timeout=PATIENCE_S)
            if samples:
                yield np.asarray(samples, np.float32)
