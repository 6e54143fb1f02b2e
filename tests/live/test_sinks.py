"""Sinks of decisions: network ports and files. They never wait, and they count what they lose."""

import contextlib
import errno
import json
import os
import re
import socket
import time

import numpy as np
import pytest
from decisions import NAMES, decision

from finjax.errors import FinjaxError
from finjax.live import connection
from finjax.live.sinks import JSONLines, Port

LOST = "decisions that the receiver did not take"


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
def test_decisions_go_out_as_libemg_sends_them(protocol):
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, kind) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(5)
        if protocol == "tcp":
            receiver.listen()
        address = f"127.0.0.1:{receiver.getsockname()[1]}"
        number, share = Port(protocol, address, NAMES), Port(protocol, address, NAMES, probabilities=True)
        for port, pattern in ((number, [b"1\n"]), (share, [b"0.100000 0.700000 0.200000 ", b"\n"])):
            port(decision(), np.zeros(1))
            port(decision(movement=None), np.zeros(1))
            source = receiver.accept()[0] if protocol == "tcp" else receiver
            line = source.recv(100)
            assert line.startswith(pattern[0]) and line.endswith(b"\n") and line.count(b"\n") == 1
            port.close()
            if protocol == "tcp":
                source.close()
            assert not port.problems


def test_decisions_to_a_missing_receiver_are_counted_as_lost(monkeypatch):
    monkeypatch.setattr("finjax.live.connection.AT_START_S", 0.0)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    port = Port("tcp", address, NAMES)
    port(decision(), np.zeros(1))
    port(decision(), np.zeros(1))
    assert port.problems == {LOST: 2}


def test_a_receiver_may_connect_late_and_connect_again(monkeypatch):
    monkeypatch.setattr(connection, "AT_START_S", 0.0)
    monkeypatch.setattr(connection, "LONGEST_PAUSE_S", 0.01)
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        address = reserved.getsockname()
    port = Port("tcp", f"127.0.0.1:{address[1]}", NAMES)
    port(decision(), np.zeros(1))
    assert port.problems == {LOST: 1}
    for _ in range(2):
        with socket.socket() as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            server.bind(address)
            server.listen()
            server.setblocking(False)
            receiver, until = None, time.monotonic() + 20
            while receiver is None and time.monotonic() < until:
                port(decision(), np.zeros(1))
                with contextlib.suppress(BlockingIOError):
                    receiver = server.accept()[0]
            receiver.settimeout(5)
            assert receiver.recv(2) == b"1\n"
            receiver.close()
    port.close()


def test_a_file_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FinjaxError, match="cannot write this file"):
        JSONLines(tmp_path / "file" / "below")


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
        sink(decision(), np.zeros(1))
    sink.close()
    lines = sink._file.content.splitlines()
    assert [json.loads(line)["movement"] for line in lines if len(line) > 20] == ["grip"] * 3 and len(lines) == 4
    assert sink.problems == {
        "decisions that could not be written to the file (No space left on device)": 2,
        "decisions that were only partly written to the file": 1,
        "files that could not be closed (Disk quota exceeded)": 1,
    }


def test_a_written_decision_is_in_the_file_at_once(tmp_path):
    sink = JSONLines(tmp_path / "out.jsonl")
    sink(decision(), np.zeros(1))
    assert re.fullmatch(r"\{.*\}\n", (tmp_path / "out.jsonl").read_text())
    sink.close()


def test_a_pipe_without_a_reader_is_one_error(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FinjaxError, match="nobody reads this pipe. Start its reader first"):
        JSONLines(tmp_path / "pipe")


def test_a_pipe_that_is_not_read_delays_nothing_and_loses_whole_lines(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    sink, sent = JSONLines(tmp_path / "pipe"), 0
    while not sink.problems:
        sink(decision(), np.zeros(1))
        sent += 1
    assert sink.problems == {"decisions that the reader of the file did not take": 1}
    found = b""
    with contextlib.suppress(BlockingIOError):
        while True:
            found += os.read(reader, 65_536)
    sink(decision(), np.zeros(1))
    found += os.read(reader, 65_536)
    assert [json.loads(line)["movement"] for line in found.splitlines()] == ["grip"] * sent
    os.close(reader)
    sink(decision(), np.zeros(1))
    assert sink.problems["decisions that could not be written to the file (Broken pipe)"] == 1
    sink.close()
