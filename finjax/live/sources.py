"""Sources give samples: a recording that is replayed in real time, or text from the network.

Iterating over a source gives chunks of samples `[n, C]` float32 as they arrive, in the unit of the training data.
While nothing arrives, it gives a few empty chunks each second, so that the caller can stop. A source counts lost
samples in `problems`.
"""

import itertools
import socket
import time
from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from typing import Protocol

import numpy as np

from finjax.data.recording import Recording
from finjax.errors import FinjaxError
from finjax.live.addresses import check_port

LARGEST_DATAGRAM = 65_536
LONGEST_LINE = 65_536  # bytes
PATIENCE_S = 0.2  # how long to wait for samples before an empty chunk


class Source(Protocol):
    """Gives chunks of samples, see above."""

    problems: Counter[str]

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yields samples as they arrive, and empty chunks while none arrive."""
        ...


class Replay:
    """Replays a recording in real time.

    Args:
        recording: the recording, unfiltered unless the decoder has `filtered=True`.
        chunk: samples per chunk.
        speed: speed relative to real time; 0: as fast as the decoder takes the samples.
        loop: whether to repeat the recording without end.
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
                due = started + sent / rate_hz / self._speed
                if time.perf_counter() - due > len(chunk) / rate_hz / self._speed:
                    self.problems["chunks that were late because decoding took too long"] += 1
                while (wait := due - time.perf_counter()) > PATIENCE_S:
                    time.sleep(PATIENCE_S)
                    yield chunk[:0]
                time.sleep(max(0.0, wait))
            yield chunk

    def _chunks(self) -> Iterator[np.ndarray]:
        signal = self.recording.signal
        for _ in itertools.count() if self._loop else range(1):
            for start in range(0, len(signal), self._chunk):
                yield np.asarray(signal[start : start + self._chunk])


class Lines:
    """Receives samples as text at a TCP or UDP port of this machine: a line is one sample of all channels.

    Numbers are separated by commas, semicolons or white space. A line with the wrong number of them, or with other
    text, is counted and left out. A TCP sender may disconnect and reconnect. A silent sender may be gone without
    notice, so that another sender that connects replaces it.

    Args:
        protocol: `"tcp"` or `"udp"`.
        port: port to listen at on the loopback interface; 0: any free one, see the attribute `port`.
        channels: numbers per line.

    Raises:
        FinjaxError: the port is out of range or in use.
    """

    def __init__(self, protocol: str, *, port: int, channels: int):
        self._tcp, self._channels = protocol == "tcp", channels
        self.problems: Counter[str] = Counter()
        self._rest, self._skipping = b"", False
        check_port(port, where=f"--{protocol}={port}")
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM if self._tcp else socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind(("127.0.0.1", port))
        except OSError as error:
            self._socket.close()
            raise FinjaxError(
                f"--{protocol}={port}: cannot listen at port {port} ({error.strerror}); choose another"
            ) from error
        self.port: int = self._socket.getsockname()[1]
        self._socket.settimeout(PATIENCE_S)
        if self._tcp:
            self._socket.listen(1)

    def __iter__(self) -> Iterator[np.ndarray]:
        """See `Source`."""
        nothing, sender = np.zeros((0, self._channels), np.float32), None
        try:
            while True:
                try:
                    if self._tcp and sender is None:
                        sender = self._accept(wait_s=PATIENCE_S)
                        continue
                    content = (sender or self._socket).recv(LARGEST_DATAGRAM)
                except TimeoutError:
                    if sender is not None and (other := self._waiting()):
                        self._end_of_sender(sender, "silent senders that another sender replaced")
                        sender = other
                    yield nothing
                    continue
                except OSError:  # the connection is broken
                    content = b""
                if content:
                    yield self._parse(content)
                    continue
                if sender is not None:
                    self._end_of_sender(sender, "times that the sender disconnected")
                    sender = None
                yield nothing
        finally:
            if sender is not None:
                sender.close()
            self._socket.close()

    def _accept(self, *, wait_s: float) -> socket.socket:
        """Returns the connection of a sender, or raises `OSError` if none connects in that time."""
        self._socket.settimeout(wait_s)
        sender, _ = self._socket.accept()
        sender.settimeout(PATIENCE_S)
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return sender

    def _waiting(self) -> socket.socket | None:
        """Returns the connection of a sender that waits to be accepted, or None."""
        try:
            return self._accept(wait_s=0.0)
        except OSError:
            return None

    def _end_of_sender(self, sender: socket.socket, how: str) -> None:
        sender.close()
        self.problems[how] += 1
        if self._rest:
            self.problems["lines cut off"] += 1
        self._rest, self._skipping = b"", False

    def _parse(self, content: bytes) -> np.ndarray:
        lines = self._whole_lines(content)
        found = []
        for line in lines:
            fields = line.replace(b",", b" ").replace(b";", b" ").split()
            if not fields:
                continue
            if len(fields) != self._channels:
                self.problems[f"lines without {self._channels} numbers"] += 1
                continue
            try:
                found.append([_number(field) for field in fields])
            except ValueError:
                self.problems["lines with text that is not a number"] += 1
        with np.errstate(over="ignore", under="ignore"):  # a value too large for float32 becomes infinite: a fault
            return np.array(found, np.float64).astype(np.float32).reshape(-1, self._channels)

    def _whole_lines(self, content: bytes) -> list[bytes]:
        """Returns the complete lines; for TCP it keeps the start of the next line, up to a maximum length."""
        if not self._tcp:
            return content.split(b"\n")
        first, *others = content.split(b"\n")
        if self._skipping:  # this is the rest of a line that is too long
            if not others:
                return []
            self._skipping, first = False, b""
        lines = [self._rest + first, *others]
        self._rest = lines.pop()
        if len(self._rest) > LONGEST_LINE:
            self.problems[f"lines longer than {LONGEST_LINE} bytes"] += 1
            self._rest, self._skipping = b"", True
        return lines


def _number(field: bytes) -> float:
    if b"_" in field:  # Python's float() accepts 1_000
        raise ValueError(field)
    return float(field)


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
