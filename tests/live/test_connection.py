"""TCP connections to receivers that are slow, gone or do not answer: the decoder never waits for them."""

import contextlib
import errno
import socket

import numpy as np
import pytest

from finjax.live import connection
from finjax.live.connection import Connection


def listener(family=socket.AF_INET, host="127.0.0.1") -> socket.socket:
    server = socket.socket(family, socket.SOCK_STREAM)
    server.settimeout(5)
    server.bind((host, 0))
    server.listen()
    return server


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
