"""Sinks take decisions: a network port in the text format of LibEMG's online classifier, or a file of JSON lines.

A sink never waits for a receiver, and its failures never stop the decoder: it counts lost decisions.
"""

import errno
import json
import os
import socket
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from finjax.errors import FinjaxError
from finjax.live.connection import Connection
from finjax.live.decision import Decision
from finjax.system.addresses import look_up
from finjax.system.files import expanded


class Sink(Protocol):
    """Takes decisions; counts in `problems` those that it could not pass on."""

    problems: Counter[str]

    def __call__(self, decision: Decision, level: np.ndarray) -> None:
        """Takes a decision and the level of each channel, in standard deviations."""

    def silent(self, seconds: float) -> None:
        """Is called repeatedly while no samples arrive, with the time since the last one."""

    def close(self) -> None:
        """Is called at the end of the stream."""


class Port:
    r"""Sends each decision as a line to a network port: the number of the movement, or all probabilities.

    The format is that of LibEMG's online classifier: `"3\n"`, or all probabilities and a time stamp separated by
    spaces. If a decision has no movement, nothing is sent. A receiver that is slow or absent loses lines; the decoder
    never waits. Over TCP finjax connects to a receiver that listens, while LibEMG's own classifier listens.

    Args:
        protocol: `"tcp"` or `"udp"`.
        address: host and port of the receiver, as `"127.0.0.1:12346"`; a host name is looked up once, here.
        movement_names: K names.
        probabilities: whether to send the probabilities instead of the movement's number.

    Raises:
        FinjaxError: the address is not valid, or the host is not known.
    """

    def __init__(self, protocol: str, address: str, movement_names: Sequence[str], *, probabilities: bool = False):
        addresses = look_up(address, protocol, option=f"to-{protocol}")
        self._numbers = {name: number for number, name in enumerate(movement_names)}
        self._probabilities = probabilities
        self.problems: Counter[str] = Counter()
        self._receiver = Connection(addresses) if protocol == "tcp" else _Datagrams(*addresses[0])

    def __call__(self, decision: Decision, level: np.ndarray) -> None:
        """See `Sink`."""
        del level
        if decision.movement is None:
            return
        line = f"{self._numbers[decision.movement]}\n"
        if self._probabilities:
            line = f"{' '.join(f'{p:.6f}' for p in decision.probabilities)} {time.time():.6f}\n"
        try:
            self._receiver.send(line.encode())
        except OSError:
            self.problems["decisions that the receiver did not take"] += 1

    def silent(self, seconds: float) -> None:
        """See `Sink`."""

    def close(self) -> None:
        """See `Sink`."""
        self._receiver.close()


class _Datagrams:
    """Sends lines as UDP datagrams."""

    def __init__(self, family: socket.AddressFamily, address: tuple):
        self._address = address
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)

    def send(self, line: bytes) -> None:
        self._socket.sendto(line, self._address)

    def close(self) -> None:
        self._socket.close()


class JSONLines:
    """Writes every decision at once as a whole line of JSON.

    It never waits for a named pipe or a device: it counts the decisions that are lost.

    Args:
        path: the file.

    Raises:
        FinjaxError: the file cannot be written, or it is a pipe without a reader.
    """

    def __init__(self, path: str | Path):
        self.problems: Counter[str] = Counter()
        self._torn = False  # whether the last line is incomplete
        try:
            expanded(path).parent.mkdir(parents=True, exist_ok=True)
            self._file = open(expanded(path), "wb", buffering=0, opener=_open_without_waiting)  # noqa: SIM115
        except (OSError, ValueError) as error:  # ValueError: not a valid file name
            if getattr(error, "errno", None) == errno.ENXIO and expanded(path).is_fifo():
                raise FinjaxError(f"--to-file={path}: nobody reads this pipe. Start its reader first") from error
            reason = getattr(error, "strerror", None) or error
            raise FinjaxError(f"--to-file={path}: cannot write this file ({reason}); choose another") from error

    def __call__(self, decision: Decision, level: np.ndarray) -> None:
        """See `Sink`."""
        del level
        fields = {
            "time_s": round(decision.time_s, 6),
            "movement": decision.movement,
            "probabilities": [round(float(p), 6) for p in decision.probabilities],
            "latency_ms": round(decision.latency_s * 1e3, 3),
            "faults": decision.faults,
        }
        line = (b"\n" if self._torn else b"") + json.dumps(fields).encode() + b"\n"
        try:
            written = self._file.write(line)
        except OSError as error:
            self.problems[f"decisions that could not be written to the file ({error.strerror})"] += 1
            return
        if not written:  # None: the pipe is full
            self.problems["decisions that the reader of the file did not take"] += 1
            return
        if written < len(line):
            self.problems["decisions that were only partly written to the file"] += 1
        self._torn = written < len(line)

    def silent(self, seconds: float) -> None:
        """See `Sink`."""

    def close(self) -> None:
        """See `Sink`."""
        try:
            self._file.close()
        except OSError as error:  # some network file systems report a full disk only here
            self.problems[f"files that could not be closed ({error.strerror})"] += 1


def _open_without_waiting(path: str, flags: int) -> int:
    """Opens a file; a pipe without a reader is an error, where `open` would wait for one."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0), 0o666)  # Windows has no such flag, and no such pipes
