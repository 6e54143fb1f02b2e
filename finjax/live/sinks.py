"""Where decisions go: a port in the text format of LibEMG's online classifier, a file of JSON lines, a terminal.

A sink never waits for a receiver, and no fault of one stops the decoding: what is lost is counted.
"""

import errno
import json
import os
import socket
import time
from collections import Counter
from pathlib import Path
from typing import Protocol

import numpy as np

from finjax.errors import FinjaxError
from finjax.live import Decision
from finjax.live.addresses import look_up
from finjax.live.connection import Connection
from finjax.system.files import expanded


class Sink(Protocol):
    """Takes decisions; what it could not pass on it counts in `problems`."""

    problems: Counter

    def __call__(self, decision: Decision, level: np.ndarray) -> None:
        """Takes a decision and the level of each channel, in standard deviations."""

    def silent(self, seconds: float) -> None:
        """Is called now and then while no samples come, with how long that has been."""

    def close(self) -> None:
        """Is called at the end."""


class Port:
    r"""Sends each decision as a line to a port: the number of the movement, or its probabilities and the time.

    As LibEMG's online classifier does: `"3\n"`, or all probabilities and a time stamp separated by spaces. Nothing is
    sent where there is no decision. A receiver that is slow or not there loses lines; the decoder never waits.
    Over TCP this side connects, to a receiver that listens; LibEMG's own classifier listens itself.

    Args:
        protocol: `"tcp"` or `"udp"`.
        address: host and port of the receiver, as `"127.0.0.1:12346"`; a name is looked up once, here.
        movement_names: K names.
        probabilities: whether to send these.

    Raises:
        FinjaxError: it is no address, or nobody knows the name.
    """

    def __init__(self, protocol: str, address: str, movement_names, *, probabilities: bool = False):
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
    """Sends lines to an address that needs no look-up."""

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
    """Writes every decision as a line of JSON, at once and whole.

    A named pipe or a device is never waited for: what it does not take is lost and counted.

    Args:
        path: the file.

    Raises:
        FinjaxError: it cannot be written, or nobody reads the pipe.
    """

    def __init__(self, path: str | Path):
        self.problems: Counter[str] = Counter()
        self._torn = False  # whether the last line is half
        try:
            expanded(path).parent.mkdir(parents=True, exist_ok=True)
            self._file = open(expanded(path), "wb", buffering=0, opener=_open_without_waiting)  # noqa: SIM115
        except (OSError, ValueError) as error:  # ValueError: a name that no file can have
            if getattr(error, "errno", None) == errno.ENXIO and expanded(path).is_fifo():
                raise FinjaxError(f"--to-file={path}: nobody reads this pipe. Start its reader first") from error
            reason = getattr(error, "strerror", None) or error
            raise FinjaxError(f"--to-file={path}: cannot be written ({reason})") from error

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
            self.problems["decisions that were written to the file in part"] += 1
        self._torn = written < len(line)

    def silent(self, seconds: float) -> None:
        """See `Sink`."""

    def close(self) -> None:
        """See `Sink`."""
        try:
            self._file.close()
        except OSError as error:  # some network file systems say it only now
            self.problems[f"files that could not be closed ({error.strerror})"] += 1


def _open_without_waiting(path: Path, flags: int) -> int:
    """Opens a file; of a pipe without a reader it is an error, instead of a wait for one."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0), 0o666)  # Windows has no such flag, and no such pipes
