"""Where decisions go: a terminal, a port in the text format of LibEMG's online classifier, a file of JSON lines."""

import json
import shutil
import socket
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Protocol, TextIO

import numpy as np

from finjax.errors import FinjaxError
from finjax.realtime import Decision

REFRESH_S = 0.1  # of the screen
SHOWN_MOVEMENTS = 3
BLOCKS = " ▁▂▃▄▅▆▇█"


class Sink(Protocol):
    """Takes decisions; what it could not pass on it counts in `problems`."""

    problems: Counter

    def __call__(self, decision: Decision, level: np.ndarray) -> None:
        """Takes a decision and the level of each channel, in standard deviations."""

    def close(self) -> None:
        """Is called at the end."""


class Terminal:
    """A view of the stream that stays in place: level of each channel, decision, probabilities, latency.

    Where the output is no terminal, a line for every change of movement.
    """

    def __init__(self, channel_names, movement_names, *, deadline_s: float, out: TextIO | None = None):
        self._out = out or sys.stdout
        self._channels, self._movements, self._deadline_s = channel_names, movement_names, deadline_s
        self._in_place = self._out.isatty()
        self._drawn, self._lines, self._before = 0.0, 0, ""
        self.problems: Counter[str] = Counter()

    def __call__(self, decision: Decision, level: np.ndarray) -> None:
        """See `Sink`."""
        if not self._in_place:
            movement = decision.movement or "–"
            if movement != self._before:
                best = decision.probabilities.max()
                print(f"{decision.time_s:8.2f} s  {movement:<24} {best:4.0%}", file=self._out, flush=True)
                self._before = movement
            return
        now = time.monotonic()
        if now - self._drawn < REFRESH_S:
            return
        self._drawn = now
        width = shutil.get_terminal_size().columns
        lines = [line[: width - 1] for line in self._view(decision, level)]
        self._out.write((f"\x1b[{self._lines}A" if self._lines else "") + "".join(f"\x1b[2K{x}\n" for x in lines))
        self._out.flush()
        self._lines = len(lines)

    def _view(self, decision: Decision, level: np.ndarray) -> list[str]:
        bars = "".join(BLOCKS[min(int(value * 2.5), len(BLOCKS) - 1)] * 2 + " " for value in level)
        late = " LATE" if decision.latency_s > self._deadline_s else ""
        ranked = sorted(zip(decision.probabilities, self._movements, strict=True), reverse=True)
        best = ranked[:SHOWN_MOVEMENTS]
        faults = ", ".join(f"{name} {fault}" for name, fault in decision.faults.items())
        return [
            f"{decision.time_s:8.2f} s   latency {decision.latency_s * 1e3:5.1f} ms{late}",
            f"channels   {bars}",
            f"movement   \x1b[1m{decision.movement or '–'}\x1b[0m",
            *(f"  {share:4.0%} {self._bar(share)} {name}" for share, name in best),
            f"electrodes {faults or 'all well'}",
        ]  # fmt: skip

    @staticmethod
    def _bar(share: float, width: int = 30) -> str:
        filled = round(share * width)
        return "█" * filled + "░" * (width - filled)

    def close(self) -> None:
        """See `Sink`."""


class Port:
    r"""Sends each decision as a line to a port: the number of the movement, or its probabilities and the time.

    As LibEMG's online classifier does: `"3\n"`, or all probabilities and a time stamp separated by spaces. Nothing is
    sent where there is no decision. A receiver that is slow or not there loses lines; the decoder never waits.

    Args:
        protocol: `"tcp"` or `"udp"`.
        address: host and port of the receiver, as `"127.0.0.1:12346"`.
        movement_names: K names.
        probabilities: whether to send these.
    """

    def __init__(self, protocol: str, address: str, movement_names, *, probabilities: bool = False):
        host, _, port = address.rpartition(":")
        if not port.isdigit():
            raise FinjaxError(f"{address!r} is no address: give host:port, as 127.0.0.1:12346")
        self._tcp, self._address = protocol == "tcp", (host or "127.0.0.1", int(port))
        self._numbers = {name: number for number, name in enumerate(movement_names)}
        self._probabilities = probabilities
        self.problems: Counter[str] = Counter()
        self._socket: socket.socket | None = None
        if not self._tcp:
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._socket.setblocking(False)

    def __call__(self, decision: Decision, level: np.ndarray) -> None:
        """See `Sink`."""
        del level
        if decision.movement is None:
            return
        line = f"{self._numbers[decision.movement]}\n"
        if self._probabilities:
            line = f"{' '.join(f'{p:.6f}' for p in decision.probabilities)} {time.time():.6f}\n"
        try:
            self._send(line.encode())
        except OSError:
            self.problems["decisions that the receiver did not take"] += 1

    def _send(self, line: bytes) -> None:
        if not self._tcp:
            self._socket.sendto(line, self._address)
            return
        if self._socket is None:
            self._socket = socket.create_connection(self._address, timeout=0.05)
            self._socket.setblocking(False)
        try:
            whole = self._socket.send(line) == len(line)
        except BlockingIOError:  # the receiver is slow: this line is lost, the next may pass
            raise
        except OSError:
            self.close()
            raise
        if not whole:  # half a line is of no use to anyone: begin anew
            self.close()
            raise OSError("half a line was sent")

    def close(self) -> None:
        """See `Sink`."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class JSONLines:
    """Writes every decision as a line of JSON."""

    def __init__(self, path: str | Path):
        self.problems: Counter[str] = Counter()
        try:
            Path(path).expanduser().parent.mkdir(parents=True, exist_ok=True)
            self._file = Path(path).expanduser().open("w")
        except OSError as error:
            raise FinjaxError(f"{path} cannot be written ({error.strerror})") from error

    def __call__(self, decision: Decision, level: np.ndarray) -> None:
        """See `Sink`."""
        del level
        line = {
            "time_s": round(decision.time_s, 6),
            "movement": decision.movement,
            "probabilities": [round(float(p), 6) for p in decision.probabilities],
            "latency_ms": round(decision.latency_s * 1e3, 3),
            "faults": decision.faults,
        }
        self._file.write(json.dumps(line) + "\n")

    def close(self) -> None:
        """See `Sink`."""
        self._file.close()
