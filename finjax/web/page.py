"""The live page, as the process that decodes sees it: a sink of decisions, and an operator of the session."""

import logging
import multiprocessing
import secrets
import socket
import time
from collections import Counter
from typing import Any

import numpy as np

from finjax.errors import FinjaxError
from finjax.live.addition import LiveSession
from finjax.live.decision import Decision
from finjax.system.addresses import bound
from finjax.web.channel import Channel
from finjax.web.columns import Columns, packed_columns
from finjax.web.controls import Controls
from finjax.web.facts import Facts
from finjax.web.server import serve

EVERY_S = 0.05  # between two messages to the server
STATE_EVERY_S = 0.5  # between two states; what the person sees move comes with every message
MOST_DECISIONS = 1000  # of a message; if more come at once, as in a replay without pauses, the oldest are left out
WAITING_BROWSERS = 64  # connections that wait to be accepted
END_S = 4.0  # how long to wait for the server to end

logger = logging.getLogger(__name__)


class LivePage:
    """Passes samples and decisions on to the web server, and obeys what the person does on the page.

    Nothing here waits for the server. If it ends, that is reported once, and decoding continues.

    Args:
        session: the session. Results of the game are written into the folder of its run, calibrated decoders beside it.
        settings: `vote`, `least_probability` and `dwell_ms` at the start.
        subject: see `Controls`.
        port: to listen at on 127.0.0.1; 0: any free one.

    Attributes:
        url: address of the page, with the token.
        paused: see `Operator`.
        problems: see `Sink`.

    Raises:
        FinjaxError: NiceGUI is missing, or the port is out of range or in use.
    """

    def __init__(
        self,
        session: LiveSession,
        *,
        settings: dict[str, float],
        subject: int | None,
        port: int,
    ):
        check_installed()
        decoder, stream, run = session.decoder, session.stream, session.run
        self._session = session
        self.problems: Counter[str] = Counter()
        self._controls = Controls(decoder, run=run, settings=settings, subject=subject)
        self._columns = Columns(len(decoder.channel_names), decoder.rate_hz)
        self._decisions: list[list[float]] = []
        self._latest: Decision | None = None
        self._silent_s = 0.0
        self._sent_s = self._state_sent_s = 0.0
        listening = bound(socket.SOCK_STREAM, port, where=f"--port={port}")
        listening.listen(WAITING_BROWSERS)
        port, token = listening.getsockname()[1], secrets.token_urlsafe(16)
        self.url = f"http://127.0.0.1:{port}/?token={token}"
        facts = Facts(
            stream=stream.name,
            unit=stream.unit,
            run=str(run),
            rate_hz=decoder.rate_hz,
            channel_names=tuple(decoder.channel_names),
            movement_names=tuple(decoder.movement_names),
            update_ms=1e3 * decoder.update / decoder.rate_hz,
            column_ms=1e3 * self._columns.seconds,
            port=port,
            token=token,
        )
        ours, theirs = socket.socketpair()
        self._channel = Channel(ours)
        self._given_away = listening, theirs
        context = multiprocessing.get_context("spawn")
        self._server = context.Process(target=serve, args=(facts, listening, theirs), name="finjax page", daemon=True)

    def start(self) -> None:
        """See `Operator`: starts the server."""
        self._server.start()
        self._give_away()

    @property
    def paused(self) -> bool:
        """See `Operator`."""
        return self._controls.paused

    def __call__(self, decision: Decision, level: np.ndarray) -> None:
        """See `Sink`."""
        del level
        self._latest, self._silent_s = decision, 0.0
        self._decisions.append([round(decision.time_s, 4), self._controls.number_of(decision.movement)])

    def silent(self, seconds: float) -> None:
        """See `Sink`."""
        self._silent_s = seconds

    def look(self, samples: np.ndarray) -> None:
        """See `Operator`."""
        self._columns.add(samples)
        self._controls.take(samples)
        for command in self._channel.receive():
            self._controls.obey(command)
            self._state_sent_s = 0.0  # the page shows the answer at once
        self._controls.look()
        now = time.monotonic()
        if now - self._sent_s >= EVERY_S:
            self._sent_s = now
            self._send(now)
        if not self._channel.is_open and not self.problems["times that the server of the live page ended"]:
            self._report_end()

    def close(self) -> None:
        """See `Sink`: ends the server and a calibration."""
        if lost := self._controls.close():
            self.problems["calibrations that were not saved"] += lost
        self._channel.close()
        self._give_away()
        if self._server.pid is not None:
            self._server.join(END_S)
            self._server.kill()
            self._server.join()
        if self._channel.lost:
            self.problems["messages that the server of the live page did not take"] += self._channel.lost

    def _give_away(self) -> None:
        """Closes what the server has its own copy of: if the server ends, its port is closed."""
        for given in self._given_away:
            given.close()

    def _send(self, now: float) -> None:
        first, columns = self._columns.take()
        message: dict[str, Any] = {
            "first": first,
            "columns": packed_columns(columns),
            "decisions": self._decisions[-MOST_DECISIONS:],
            "calibration": self._controls.prompt(),
            "silent_s": self._silent_s,
        }
        self._decisions = []
        if self._latest is not None:
            message["latest"] = _content(self._latest)
        if now - self._state_sent_s >= STATE_EVERY_S:
            self._state_sent_s = now
            message["state"] = self._controls.state() | self._figures()
        self._channel.send(message)

    def _figures(self) -> dict[str, Any]:
        """Returns latencies and problems of the session so far."""
        figures: dict[str, Any] = {"problems": dict(self._session.problems().most_common(8))}
        if self._session.summary.decisions:
            figures["latency"] = {
                "p50_ms": round(self._session.summary.percentile_ms(0.50), 2),
                "p99_ms": round(self._session.summary.percentile_ms(0.99), 2),
                "missed": self._session.summary.missed,
                "decisions": self._session.summary.decisions,
            }
        return figures

    def _report_end(self) -> None:
        self.problems["times that the server of the live page ended"] += 1
        self._server.join(0.1)
        logger.warning(
            "The live page has ended (its server has ended with status %s). Decoding continues; "
            "start the program again to have the page back.",
            self._server.exitcode,
        )


def check_installed() -> None:
    """Raises `FinjaxError` if NiceGUI is not installed."""
    import importlib.util

    if importlib.util.find_spec("nicegui") is None:
        raise FinjaxError("--web needs NiceGUI: pip install nicegui, or in a checkout pip install '.[web]'")


def _content(decision: Decision) -> dict[str, Any]:
    """Returns a decision as JSON content."""
    return {
        "time_s": round(decision.time_s, 4),
        "movement": decision.movement,
        "probabilities": [round(float(p), 4) for p in np.nan_to_num(decision.probabilities)],
        "latency_ms": round(1e3 * decision.latency_s, 2),
        "faults": decision.faults,
        "has_signal": decision.has_signal,
    }
