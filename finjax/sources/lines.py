"""Samples as lines of text from a TCP or UDP port."""

import re
import socket
from collections import Counter
from collections.abc import Iterator

import numpy as np

from finjax.errors import FinjaxError
from finjax.sources.source import PATIENCE_S, StreamInfo
from finjax.system.addresses import LARGEST_PORT, bound, check_port

LARGEST_DATAGRAM = 65_536
LONGEST_LINE = 65_536  # bytes


class Lines:
    """Receives samples as text at a TCP or UDP port of this machine: a line is one sample of all channels.

    Numbers are separated by commas, semicolons or white space. A line with the wrong number of them, or with other
    text, is counted and left out. A TCP sender may disconnect and reconnect. A silent sender may be gone without
    notice, so that another sender that connects replaces it.

    Args:
        protocol: `"tcp"` or `"udp"`.
        port: port to listen at on the loopback interface; 0: any free one, see the attribute `port`.
        channels: numbers per line.
        rate_hz: samples per second that the sender promises; the lines do not say it.

    Raises:
        FinjaxError: the port is out of range or in use.
    """

    def __init__(self, protocol: str, *, port: int, channels: int, rate_hz: float):
        self._tcp, self._channels = protocol == "tcp", channels
        self.problems: Counter[str] = Counter()
        self._rest, self._skipping = b"", False
        kind = socket.SOCK_STREAM if self._tcp else socket.SOCK_DGRAM
        self._socket = bound(kind, port, where=f"{protocol}:{port}")
        self.port: int = self._socket.getsockname()[1]
        self.info = StreamInfo(
            name=f"{protocol} port {self.port}",
            rate_hz=rate_hz,
            channel_names=tuple(str(channel + 1) for channel in range(channels)),
        )
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
            self.close()

    def close(self) -> None:
        """See `Source`."""
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


def parse_port(text: str, *, where: str) -> int:
    """Returns the port that a text names, or raises `FinjaxError`; `where` is the whole text of the source."""
    if not re.fullmatch(r"-?[0-9]{1,99}", text):
        raise FinjaxError(f"{where}: give a port from 0 to {LARGEST_PORT}, as {where.partition(':')[0]}:12345")
    return check_port(int(text), where=where)


def _number(field: bytes) -> float:
    if b"_" in field:  # Python's float() accepts 1_000
        raise ValueError(field)
    return float(field)
