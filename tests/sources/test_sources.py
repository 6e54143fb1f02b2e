"""Sources of samples: replays and lines of text over TCP and UDP."""

import socket
import threading
import time

import numpy as np
import pytest

from finjax.data import synthetic
from finjax.errors import FinjaxError
from finjax.sources.lines import LONGEST_LINE, Lines
from finjax.sources.replay import Replay
from finjax.sources.source import limited


def test_a_replay_keeps_time():
    recording = synthetic.generate(1, synthetic.Settings(subjects=1, movement_s=0.8, rest_s=0.0))
    started = time.perf_counter()
    chunks = list(Replay(recording, chunk=1000, speed=60.0))
    assert time.perf_counter() - started >= len(recording.signal) / 2000 / 60
    np.testing.assert_array_equal(np.concatenate(chunks), recording.signal)


def received(source, send):
    thread = threading.Thread(target=send, args=(source.port,))
    thread.start()
    samples = list(limited(source, idle=1.0))
    thread.join()
    return np.concatenate(samples)


def test_tcp_lines_may_be_cut_anywhere_and_the_sender_may_come_back():
    source = Lines("tcp", port=0, channels=2, rate_hz=2000.0)

    def send(port):
        for parts in ([b"1,2\n3", b" 4\n5;", b"6\n7 8 9\nx y\n\n10 1"], [b"11 12\n"]):
            with socket.create_connection(("127.0.0.1", port)) as sender:
                for part in parts:
                    sender.sendall(part)

    np.testing.assert_array_equal(received(source, send), [[1, 2], [3, 4], [5, 6], [11, 12]])
    assert source.problems["lines without 2 numbers"] == 1
    assert source.problems["lines with text that is not a number"] == 1
    assert source.problems["lines cut off"] == 1
    assert source.problems["times that the sender disconnected"] == 2


def test_a_silent_sender_makes_room_for_another():
    source = Lines("tcp", port=0, channels=2, rate_hz=2000.0)

    def send(port):
        with socket.create_connection(("127.0.0.1", port)) as vanished:
            vanished.sendall(b"1 2\n3")
            with socket.create_connection(("127.0.0.1", port)) as sender:
                sender.sendall(b"4 5\n")
                sender.shutdown(socket.SHUT_WR)
                sender.recv(1)  # until the other side has read it
                assert vanished.recv(1) == b""

    np.testing.assert_array_equal(received(source, send), [[1, 2], [4, 5]])
    assert source.problems == {
        "silent senders that another sender replaced": 1,
        "lines cut off": 1,
        "times that the sender disconnected": 1,
    }


def test_datagrams_are_whole():
    source = Lines("udp", port=0, channels=2, rate_hz=2000.0)

    def send(port):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for content in (b"1 2\n3 4", b"5 6 7", b"8 9"):
                sender.sendto(content, ("127.0.0.1", port))

    np.testing.assert_array_equal(received(source, send), [[1, 2], [3, 4], [8, 9]])


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_limits_hold_while_nothing_arrives(protocol):
    for limits in ({"seconds": 0.3}, {"idle": 0.3}, {"seconds": 60.0, "idle": 0.3}):
        started = time.monotonic()
        chunks = list(limited(Lines(protocol, port=0, channels=2, rate_hz=2000.0), **limits))
        assert chunks and not sum(map(len, chunks)) and time.monotonic() - started >= 0.3


def test_a_sender_that_is_connected_and_says_nothing_is_idle_too():
    source = Lines("tcp", port=0, channels=2, rate_hz=2000.0)
    with socket.create_connection(("127.0.0.1", source.port)) as sender:
        sender.sendall(b"1 2\n")
        assert sum(map(len, limited(source, idle=0.3))) == 1


def test_a_slow_replay_can_be_stopped():
    recording = synthetic.generate(1, synthetic.Settings(subjects=1, movement_s=0.8, rest_s=0.0))
    chunks = list(limited(Replay(recording, chunk=40, speed=1e-6), seconds=0.3))
    assert 1 <= len(chunks) <= 10 and not sum(map(len, chunks))


def parsed(source: Lines, content: bytes, *, size: int) -> np.ndarray:
    return np.concatenate([source._parse(content[start : start + size]) for start in range(0, len(content), size)])


@pytest.fixture
def lines():
    source = Lines("tcp", port=0, channels=2, rate_hz=2000.0)
    yield source
    source._socket.close()


@pytest.mark.parametrize("size", [7, 1000, LONGEST_LINE])
def test_lines_that_are_too_long_are_counted_and_skipped(lines, size):
    endless = b"1 " * LONGEST_LINE
    found = parsed(lines, b"1 2\n" + endless + b"3 4\n5 6\n" + endless + b"\n7 8\n", size=size)
    np.testing.assert_array_equal(found, [[1, 2], [5, 6], [7, 8]])
    assert lines.problems == {f"lines longer than {LONGEST_LINE} bytes": 2}


def test_an_endless_line_is_not_kept(lines):
    for _ in range(500):
        lines._parse(b"1" * 60_000)
        assert len(lines._rest) <= LONGEST_LINE + 60_000
    assert len(lines._parse(b"1\n1 2\n")) == 1


def test_lines_that_hold_no_samples_are_counted_and_skipped(lines):
    noise = np.random.default_rng(0).bytes(300_000)
    with np.errstate(all="raise"):
        found = parsed(lines, noise + b"\n1_0 2\n1e300 -1e300\n1e-50 nan\n1 2\n", size=50_000)
    np.testing.assert_array_equal(found[-3:], [[np.inf, -np.inf], [0, np.nan], [1, 2]])
    assert lines.problems["lines without 2 numbers"] > 500


def test_a_port_in_use_is_an_error():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(FinjaxError, match="cannot listen at port"):
            Lines("tcp", port=taken.getsockname()[1], channels=2, rate_hz=2000.0)
