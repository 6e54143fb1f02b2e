"""Receivers that are slow, gone or hard to find: the loop never waits for them, and the time in outputs counts."""

import contextlib
import errno
import json
import os
import re
import socket
import time
from collections import Counter

import numpy as np
import pytest

from finjax.errors import FinjaxError
from finjax.live import Decision, connection
from finjax.live.__main__ import main
from finjax.live.addresses import look_up
from finjax.live.connection import Connection
from finjax.live.loop import decode
from finjax.live.memory_watch import MemoryWatch
from finjax.live.sinks import JSONLines, Port
from finjax.live.sources import Lines, Silences
from finjax.live.summary import Summary

NAMES = ("rest", "grip", "pinch")
DECISION = Decision(time_s=1.0, movement="grip", probabilities=np.array([0.1, 0.7, 0.2]), latency_s=0.002, faults={})
LOST = "decisions that the receiver did not take"


def listener(family=socket.AF_INET, host="127.0.0.1") -> socket.socket:
    server = socket.socket(family, socket.SOCK_STREAM)
    server.settimeout(5)
    server.bind((host, 0))
    server.listen()
    return server


@pytest.fixture
def answers(monkeypatch):
    """What servers of names answer, and how often they were asked."""
    asked = Counter()

    def getaddrinfo(host, port, *, type):
        asked[host] += 1
        if host == "hand.local":
            six = (socket.AF_INET6, type, 0, "", ("::1", port, 0, 0))
            return [six, (socket.AF_INET, type, 0, "", ("127.0.0.1", port))]
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr("finjax.live.addresses.socket.getaddrinfo", getaddrinfo)
    return asked


def test_a_name_is_looked_up_once(answers):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(5)
        port = Port("udp", f"hand.local:{receiver.getsockname()[1]}", NAMES)
        for _ in range(3):
            port(DECISION, np.zeros(1))
            assert receiver.recv(10) == b"1\n"
        port.close()
    assert answers == {"hand.local": 1} and not port.problems


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
def test_a_name_that_nobody_knows_is_one_error_at_the_start(answers, protocol):
    with pytest.raises(FinjaxError, match=f"--to-{protocol}=robot:5: host robot was not found .Name or service"):
        Port(protocol, "robot:5", NAMES)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("127.0.0.1:70000", "ports go from 1 to 65535"),
        ("127.0.0.1:0", "ports go from 1 to 65535"),
        ("127.0.0.1:²", "give host:port"),
        ("127.0.0.1:٣", "give host:port"),
        ("127.0.0.1:-1", "give host:port"),
        ("127.0.0.1:5 ", "give host:port"),
        ("::1:5005", "give host:port"),
        ("[::1]5005", "give host:port"),
        ("hand", "give host:port"),
        (":", "give host:port"),
        (f"{'a' * 70}.b:5", "was not found"),
        ("a\0b:5", "was not found"),
        ("[hand:5", "give host:port"),
    ],
)
@pytest.mark.parametrize("protocol", ["udp", "tcp"])
def test_what_is_no_address_is_refused(address, message, protocol):
    with pytest.raises(FinjaxError, match=f"^--to-{protocol}={re.escape(address)}: .*{message}"):
        look_up(address, protocol, option=f"to-{protocol}")


@pytest.mark.parametrize("port", [-1, 65_536, 10**30])
@pytest.mark.parametrize("option", ["tcp", "udp"])
def test_ports_to_listen_at_are_checked_before_anything_is_loaded(option, port, capsys):
    assert main(["no/such/run", f"--{option}={port}"]) == 1
    assert capsys.readouterr().err == f"error: --{option}={port}: ports go from 0 to 65535\n"
    with pytest.raises(FinjaxError, match="ports go from"):
        Lines(option, port=port, channels=2)


def test_ipv6_in_brackets_and_a_port_alone():
    (family, address), *_ = look_up("[::1]:5005", "udp", option="to-udp")
    assert family == socket.AF_INET6 and address[:2] == ("::1", 5005)
    assert look_up(":5005", "udp", option="to-udp")[0] == (socket.AF_INET, ("127.0.0.1", 5005))


class Silent:
    """A selector of sockets to a host that does not answer."""

    waited: list[float]

    def __init__(self):
        self.waited = Silent.waited = getattr(Silent, "waited", [])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def register(self, *_):
        pass

    def select(self, timeout):
        self.waited.append(timeout)
        return []


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still but when a connection sleeps or the test says so."""
    now = [100.0]
    monkeypatch.setattr(connection.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(connection.time, "sleep", lambda s: now.__setitem__(0, now[0] + s))
    return now


def test_a_host_that_does_not_answer_is_asked_again_and_never_waited_for(monkeypatch, clock):
    attempts = []

    class Socket(socket.socket):
        def connect_ex(self, address):
            attempts.append(clock[0])
            assert self.gettimeout() == 0
            return errno.EINPROGRESS

    Silent.waited = []
    monkeypatch.setattr(connection.socket, "socket", Socket)
    monkeypatch.setattr(connection.selectors, "DefaultSelector", Silent)
    link = Connection([(socket.AF_INET, ("192.0.2.1", 5))])
    assert sum(Silent.waited) > 0  # before the stream begins it may take a moment
    Silent.waited.clear()
    for _ in range(1000):
        clock[0] += 0.02
        with pytest.raises(ConnectionError):
            link.send(b"1\n")
    assert set(Silent.waited) == {0.0}
    pauses = np.diff(attempts)
    assert len(attempts) <= 7 and (pauses >= connection.GIVE_UP_S).all() and (np.diff(pauses) > -0.03).all()
    link.close()


def test_a_receiver_that_refuses_is_asked_again_after_growing_pauses(monkeypatch, clock):
    attempts = []

    class Socket(socket.socket):
        def connect_ex(self, address):
            attempts.append(clock[0])
            return errno.ECONNREFUSED

    monkeypatch.setattr(connection.socket, "socket", Socket)
    link = Connection([(socket.AF_INET6, ("::1", 5, 0, 0)), (socket.AF_INET, ("127.0.0.1", 5))])
    for _ in range(500):
        clock[0] += 0.02
        with pytest.raises(ConnectionError):
            link.send(b"1\n")
    assert len(attempts) < 30
    assert attempts[-1] - attempts[-3] >= connection.LONGEST_PAUSE_S


@pytest.mark.parametrize("first", ["refused", "right"])
def test_the_next_address_is_tried(first):
    with listener() as server, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        addresses = [(socket.AF_INET, free.getsockname()), (socket.AF_INET, server.getsockname())]
        link = Connection(addresses if first == "refused" else addresses[::-1])
        link.send(b"1\n")
        with server.accept()[0] as receiver:
            assert receiver.recv(10) == b"1\n"
        link.close()


def test_a_receiver_may_come_late_and_come_again(monkeypatch):
    monkeypatch.setattr(connection, "AT_START_S", 0.0)
    monkeypatch.setattr(connection, "LONGEST_PAUSE_S", 0.01)
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        address = reserved.getsockname()
    port = Port("tcp", f"127.0.0.1:{address[1]}", NAMES)
    port(DECISION, np.zeros(1))
    assert port.problems == {LOST: 1}
    for _ in range(2):
        with socket.socket() as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            server.bind(address)
            server.listen()
            server.setblocking(False)
            receiver, until = None, time.monotonic() + 20
            while receiver is None and time.monotonic() < until:
                port(DECISION, np.zeros(1))
                with contextlib.suppress(BlockingIOError):
                    receiver = server.accept()[0]
            receiver.settimeout(5)
            assert receiver.recv(2) == b"1\n"
            receiver.close()
    port.close()


def test_a_receiver_that_does_not_read_loses_whole_lines_only():
    with listener() as server:
        link = Connection([(socket.AF_INET, server.getsockname())])
        with server.accept()[0] as receiver:
            lost, sent = 0, 0
            while lost < 50:  # until all buffers are full, and beyond
                line = b"%08d %s\n" % (sent + lost, b"x" * 50_000)
                try:
                    link.send(line)
                    sent += 1
                except BlockingIOError:
                    lost += 1
            receiver.settimeout(5)
            found = b""
            while found.count(b"\n") < sent:
                found += receiver.recv(1 << 20)
                with contextlib.suppress(BlockingIOError):
                    if link._rest:
                        link.send(b"the last\n")
                        sent += 1
    link.close()
    assert {len(line) for line in found.splitlines()} <= {50_009, 8}


class SlowSink:
    def __init__(self, seconds):
        self._seconds, self.silences, self.problems = seconds, [], Counter()

    def __call__(self, decision, level):
        until = time.perf_counter() + self._seconds
        while time.perf_counter() < until:
            pass

    def silent(self, seconds):
        self.silences.append(seconds)


class ThreeDecisions:
    """Gives one decision for every chunk, in no time."""

    def push(self, samples):
        return [DECISION] * bool(len(samples))

    def level(self):
        return np.zeros(1)


def summary_of(sink, chunks=(1, 1, 1), **settings):
    summary = Summary(deadline_s=0.02, recording=None, movement_names=NAMES)
    source = [np.zeros((count, 1), np.float32) for count in chunks]
    decode(ThreeDecisions(), source, [sink], summary, MemoryWatch(), Silences(0.0), seconds=0, idle=0, **settings)
    return summary.lines(Counter())


def test_time_spent_in_outputs_counts():
    assert "3 decisions, 0 of them none; 3 missed the deadline of 20 ms" in summary_of(SlowSink(0.03))


def test_sinks_hear_of_a_silence():
    sink = SlowSink(0.0)
    summary_of(sink, chunks=(1, 0, 0, 1))
    assert len(sink.silences) == 2


class Disk:
    """A file that takes as many bytes as a script says, or fails."""

    def __init__(self, *takes):
        self.takes, self.content = list(takes), b""

    def write(self, line):
        takes = self.takes.pop(0) if self.takes else len(line)
        if isinstance(takes, OSError):
            raise takes
        self.content += line[:takes]
        return min(takes, len(line))

    def close(self):
        raise OSError(errno.EDQUOT, "Disk quota exceeded")


def test_a_full_disk_is_counted_and_leaves_whole_lines(tmp_path):
    sink = JSONLines(tmp_path / "out.jsonl")
    sink._file.close()
    full = OSError(errno.ENOSPC, "No space left on device")
    sink._file = Disk(500, full, 20, full, 500, 500)
    for _ in range(6):
        sink(DECISION, np.zeros(1))
    sink.close()
    lines = sink._file.content.splitlines()
    assert [json.loads(line)["movement"] for line in lines if len(line) > 20] == ["grip"] * 3 and len(lines) == 4
    assert sink.problems == {
        "decisions that could not be written to the file (No space left on device)": 2,
        "decisions that were written to the file in part": 1,
        "files that could not be closed (Disk quota exceeded)": 1,
    }


def test_what_is_written_is_there_at_once(tmp_path):
    sink = JSONLines(tmp_path / "out.jsonl")
    sink(DECISION, np.zeros(1))
    assert re.fullmatch(r"\{.*\}\n", (tmp_path / "out.jsonl").read_text())
    sink.close()


def test_a_pipe_without_a_reader_is_one_error(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FinjaxError, match="nobody reads this pipe. Start its reader first"):
        JSONLines(tmp_path / "pipe")


def test_a_pipe_that_is_not_read_holds_nothing_up_and_loses_whole_lines(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    sink, sent = JSONLines(tmp_path / "pipe"), 0
    while not sink.problems:
        sink(DECISION, np.zeros(1))
        sent += 1
    assert sink.problems == {"decisions that the reader of the file did not take": 1}
    found = b""
    with contextlib.suppress(BlockingIOError):
        while True:
            found += os.read(reader, 65_536)
    sink(DECISION, np.zeros(1))
    found += os.read(reader, 65_536)
    assert [json.loads(line)["movement"] for line in found.splitlines()] == ["grip"] * sent
    os.close(reader)
    sink(DECISION, np.zeros(1))
    assert sink.problems["decisions that could not be written to the file (Broken pipe)"] == 1
    sink.close()
