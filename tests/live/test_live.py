"""The live program: what comes in, what goes out, what it says at the end."""

import contextlib
import dataclasses
import io
import itertools
import json
import os
import pty
import re
import signal
import socket
import sys
import threading
import time
from collections import Counter

import numpy as np
import pytest

from finjax.data import synthetic
from finjax.errors import FinjaxError
from finjax.live import Decision
from finjax.live.__main__ import main
from finjax.live.sinks import JSONLines, Port
from finjax.live.sources import LONGEST_LINE, Lines, Replay, limited
from finjax.live.summary import Summary
from finjax.live.terminal import LOST, Terminal

NAMES = ("rest", "grip", "pinch")


def decision(time_s=1.0, movement="grip", latency_s=0.002, faults=()):
    probabilities = np.array([0.1, 0.7, 0.2])
    return Decision(
        time_s=time_s, movement=movement, probabilities=probabilities, latency_s=latency_s, faults=dict(faults)
    )


def test_a_replay_ends_with_what_it_came_to(small_decoder, tmp_path, capsys):
    assert main([str(small_decoder), "--speed=0", f"--to-file={tmp_path / 'out.jsonl'}", "--vote=3"]) == 0
    printed = capsys.readouterr().out
    # Repetitions 2 and 5 of 17 movements of 1 s: 68,000 samples, a decision every 40 from the 600th on.
    assert "1686 decisions, 0 of them none" in printed
    assert "accuracy" in printed and "first right decision" in printed and "p99" in printed
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert len(lines) == 1686
    assert lines[0]["time_s"] == 0.3 and len(lines[0]["probabilities"]) == 17


def test_a_new_person_is_calibrated_first_or_gets_a_warning(small_decoder, capsys, caplog):
    arguments = ["--subject=2", "--speed=0", "--replay=2", "--quiet"]
    assert main([str(small_decoder), *arguments, "--calibrate=1"]) == 0
    printed = capsys.readouterr()
    assert "calibration: 100%" in printed.err
    assert "accuracy" in printed.out
    assert not caplog.records
    assert main([str(small_decoder), *arguments]) == 0
    assert [r.message for r in caplog.records if "no z-score of subject 2 and uses the mean of" in r.message]


def test_a_warning_about_the_z_score_comes_before_the_stream(small_decoder, caplog, monkeypatch):
    said = []
    monkeypatch.setattr("finjax.live.__main__.decode", lambda *_, **__: said.extend(caplog.messages))
    assert main([str(small_decoder), "--subject=2", "--quiet"]) == 0
    (message,) = said
    assert "no z-score of subject 2" in message


def test_a_replay_keeps_time():
    recording = synthetic.generate(1, synthetic.Settings(subjects=1, movement_s=0.8, rest_s=0.0))
    started = time.perf_counter()
    chunks = list(Replay(recording, chunk=1000, speed=60.0))
    assert time.perf_counter() - started >= len(recording.signal) / 2000 / 60
    np.testing.assert_array_equal(np.concatenate(chunks), recording.signal)


def test_what_cannot_be_replayed_is_one_message(small_decoder, capsys):
    assert main([str(small_decoder), "--replay=9"]) == 1
    assert "error: --replay=9: subject 1 has no such repetition" in capsys.readouterr().err
    assert main([str(small_decoder / "nothing")]) == 1
    assert main(["no/such/run", "--to-udp=nowhere"]) == 1
    assert "give host:port" in capsys.readouterr().err


def test_a_demonstration_that_cannot_be_written_is_one_message(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").touch()  # where a folder is to be made
    assert main([]) == 1
    error = capsys.readouterr().err
    assert re.fullmatch(
        r"error: the demonstration is written to .*/runs/live_demo, .* Start it in a folder .*\n", error
    )


def test_a_replay_may_begin_again():
    recording = synthetic.generate(1, synthetic.Settings(subjects=1, movement_s=0.8, rest_s=0.0))
    signal = recording.signal
    chunks = list(itertools.islice(Replay(recording, chunk=len(signal) // 2, speed=0, loop=True), 5))
    np.testing.assert_array_equal(
        np.concatenate(chunks), np.concatenate([signal, signal, signal])[: 5 * len(chunks[0])]
    )
    summary = Summary(deadline_s=0.02, recording=recording, movement_names=recording.movement_names)
    for lap in range(2):
        for end in range(400, len(signal) + 1, 400):
            name = recording.movement_names[recording.movement[end - 1]]
            summary.add(decision((lap * len(signal) + end) / 2000, name))
    printed = "\n".join(summary.lines(Counter()))
    assert "accuracy 100.0% of 816 decisions" in printed
    assert "right decision 200 ms after the onset (median of 204 of 204 movements)" in printed


def test_memory_is_watched(small_decoder, monkeypatch, capsys):
    monkeypatch.setattr("finjax.live.memory_watch.WARM_UP_S", 0.0)
    assert main([str(small_decoder), "--replay=2", "--speed=0", "--quiet"]) == 0
    assert "MiB after the first minute, then" in capsys.readouterr().out


def received(source, send):
    thread = threading.Thread(target=send, args=(source.port,))
    thread.start()
    samples = list(limited(source, idle=1.0))
    thread.join()
    return np.concatenate(samples)


def test_tcp_lines_may_be_cut_anywhere_and_the_sender_may_come_back():
    source = Lines("tcp", port=0, channels=2)

    def send(port):
        for parts in ([b"1,2\n3", b" 4\n5;", b"6\n7 8 9\nx y\n\n10 1"], [b"11 12\n"]):
            with socket.create_connection(("127.0.0.1", port)) as sender:
                for part in parts:
                    sender.sendall(part)

    np.testing.assert_array_equal(received(source, send), [[1, 2], [3, 4], [5, 6], [11, 12]])
    assert source.problems["lines without 2 numbers"] == 1
    assert source.problems["lines with something else than numbers"] == 1
    assert source.problems["lines cut off"] == 1
    assert source.problems["times that the sender went away"] == 2


def test_a_silent_sender_makes_room_for_another():
    source = Lines("tcp", port=0, channels=2)

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
        "silent senders whose place another took": 1,
        "lines cut off": 1,
        "times that the sender went away": 1,
    }


def test_datagrams_are_whole():
    source = Lines("udp", port=0, channels=2)

    def send(port):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for content in (b"1 2\n3 4", b"5 6 7", b"8 9"):
                sender.sendto(content, ("127.0.0.1", port))

    np.testing.assert_array_equal(received(source, send), [[1, 2], [3, 4], [8, 9]])


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_limits_hold_while_nothing_arrives(protocol):
    for limits in ({"seconds": 0.3}, {"idle": 0.3}, {"seconds": 60.0, "idle": 0.3}):
        started = time.monotonic()
        chunks = list(limited(Lines(protocol, port=0, channels=2), **limits))
        assert chunks and not sum(map(len, chunks)) and time.monotonic() - started >= 0.3


def test_a_sender_that_is_connected_and_says_nothing_is_idle_too():
    source = Lines("tcp", port=0, channels=2)
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
    source = Lines("tcp", port=0, channels=2)
    yield source
    source._socket.close()


@pytest.mark.parametrize("size", [7, 1000, LONGEST_LINE])
def test_a_line_has_a_longest_length(lines, size):
    endless = b"1 " * LONGEST_LINE
    found = parsed(lines, b"1 2\n" + endless + b"3 4\n5 6\n" + endless + b"\n7 8\n", size=size)
    np.testing.assert_array_equal(found, [[1, 2], [5, 6], [7, 8]])
    assert lines.problems == {f"lines longer than {LONGEST_LINE} bytes": 2}


def test_an_endless_line_is_not_kept(lines):
    for _ in range(500):
        lines._parse(b"1" * 60_000)
        assert len(lines._rest) <= LONGEST_LINE + 60_000
    assert len(lines._parse(b"1\n1 2\n")) == 1


def test_garbage_is_counted_and_survived(lines):
    noise = np.random.default_rng(0).bytes(300_000)
    with np.errstate(all="raise"):
        found = parsed(lines, noise + b"\n1_0 2\n1e300 -1e300\n1e-50 nan\n1 2\n", size=50_000)
    np.testing.assert_array_equal(found[-3:], [[np.inf, -np.inf], [0, np.nan], [1, 2]])
    assert lines.problems["lines without 2 numbers"] > 500


@pytest.mark.parametrize("option", ["--seconds=-1", "--seconds=nan", "--idle=inf", "--idle=-0.1", "--speed=nan"])
def test_limits_that_mean_nothing_are_refused(option, capsys):
    assert main(["no/such/run", option]) == 1
    assert capsys.readouterr().err.startswith(f"error: {option}: give a number from 0")


def test_a_signal_ends_the_session_with_its_summary(small_decoder, tmp_path, monkeypatch, capsys):
    def asked(self):
        for count, chunk in enumerate(self._chunks()):
            if count == 20:
                os.kill(os.getpid(), signal.SIGTERM)
            yield chunk

    monkeypatch.setattr(Replay, "__iter__", asked)
    before = signal.getsignal(signal.SIGTERM)
    assert main([str(small_decoder), "--quiet", f"--to-file={tmp_path / 'out.jsonl'}"]) == 0
    assert "7 decisions" in capsys.readouterr().out
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 7
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_port_in_use_is_said():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(FinjaxError, match="cannot listen at port"):
            Lines("tcp", port=taken.getsockname()[1], channels=2)


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


def test_a_receiver_that_is_not_there_is_counted_and_holds_nothing_up(monkeypatch):
    monkeypatch.setattr("finjax.live.connection.AT_START_S", 0.0)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    port = Port("tcp", address, NAMES)
    port(decision(), np.zeros(1))
    port(decision(), np.zeros(1))
    assert port.problems == Counter({"decisions that the receiver did not take": 2})


def test_a_file_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FinjaxError, match="cannot be written"):
        JSONLines(tmp_path / "file" / "below")


class Screen(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def a_terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")


def test_the_screen_shows_level_decision_latency_and_faults():
    out = Screen()
    view = Terminal(("a", "b"), NAMES, deadline_s=0.02, out=out)
    view(decision(latency_s=0.05, faults=[("a", "flat")]), np.array([0.1, 2.0]))
    text = out.getvalue()
    for part in ("1.00 s", "50.0 ms LATE", "grip", "70%", "a flat", "▅"):
        assert part in text, part


def test_nothing_else_is_written_while_the_view_is_in_place(small_decoder, monkeypatch, capfd):
    stderr = open(2, "w", closefd=False)  # noqa: SIM115  (that of the process; pytest puts another in its place)
    stderr.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", stderr)
    monkeypatch.setattr(sys, "stdout", Screen())
    seen = []

    def fake_decode(*_, **__):
        os.write(2, b"re-connecting\n")  # as the library of LSL does
        print("a warning", file=sys.stderr)
        seen.append(capfd.readouterr().err)

    monkeypatch.setattr("finjax.live.__main__.decode", fake_decode)
    assert main([str(small_decoder)]) == 0
    assert seen == [""]
    assert capfd.readouterr().err == "re-connecting\na warning\n"


def test_no_electrode_is_said():
    out, lines = Screen(), io.StringIO()
    dead = dataclasses.replace(decision(movement=None, faults=[("a", "flat")]), has_signal=False)
    for view in (Terminal(("a",), NAMES, deadline_s=0.02, out=to) for to in (out, lines)):
        view(dead, np.array([np.nan]))
    assert "no electrode gives a signal" in out.getvalue() and "no electrode gives a signal" in lines.getvalue()
    summary = Summary(deadline_s=0.02, recording=None, movement_names=NAMES)
    summary.add(dead)
    summary.add(decision())
    assert any(line.startswith("no electrode gives a signal: 1 of the decisions") for line in summary.lines(Counter()))


def test_a_silent_stream_is_said(monkeypatch):
    monkeypatch.setattr("finjax.live.terminal.REFRESH_S", 0.0)
    out, lines = Screen(), io.StringIO()
    for view in (Terminal(("a",), NAMES, deadline_s=0.02, out=to) for to in (out, lines)):
        view.silent(1.0)
        view(decision(), np.zeros(1))
        view.silent(2.0)
        view.silent(3.0)
    assert "nothing came for 3 s" in out.getvalue()
    assert [line.split()[-1] for line in lines.getvalue().splitlines()] == ["come", "70%", "come"]


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp932", "gbk", "cp1252", "utf-8"])
@pytest.mark.parametrize("in_place", [True, False])
def test_a_terminal_of_any_encoding(encoding, in_place):
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding=encoding)
    out.isatty = lambda: in_place
    view = Terminal(("é",), ("Ж\x1b[2J\udc80", "grip", "握る"), deadline_s=0.02, out=out)
    view(decision(movement=None), np.array([0.5]))
    text = raw.getvalue().decode(encoding)
    assert ("█" * 21 in text) == (in_place and encoding in ("utf-8", "gbk")) and "70%" in text
    assert ("#" * 21 in text) == (in_place and encoding not in ("utf-8", "gbk"))
    assert "\x1b[2J" not in text and "LATE" not in text


@pytest.mark.parametrize("columns", ["0", "1", "2", "20", "80", "nonsense"])
@pytest.mark.parametrize("rows", ["0", "1", "4", "24"])
def test_a_terminal_of_any_size(monkeypatch, columns, rows):
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("LINES", rows)
    monkeypatch.setattr("finjax.live.terminal.REFRESH_S", 0.0)
    out = Screen()
    view = Terminal(("a",), ("rest", "握る" * 30, "pinch"), deadline_s=0.02, out=out)
    for _ in range(2):
        view(decision(), np.zeros(1))
    drawn = re.sub(r"\x1b\[\d*[A-Za-z]", "", out.getvalue()).splitlines()
    widest = int(columns) if columns.isdigit() and int(columns) else 80
    assert max(len(line) + line.count("握") + line.count("る") for line in drawn) < max(widest, 1)
    assert len(drawn) <= 2 * max(1, (int(rows) or 24) - 1)


def test_a_terminal_that_was_resized_is_cleared(monkeypatch):
    monkeypatch.setattr("finjax.live.terminal.REFRESH_S", 0.0)
    out = Screen()
    view = Terminal(("a",), NAMES, deadline_s=0.02, out=out)
    view(decision(), np.zeros(1))
    view(decision(), np.zeros(1))
    assert "\x1b[2J" not in out.getvalue()
    monkeypatch.setenv("COLUMNS", "40")
    view(decision(), np.zeros(1))
    assert out.getvalue().count("\x1b[2J") == 1


def test_dumb_terminals_and_no_colour(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    out = Screen()
    Terminal(("a",), NAMES, deadline_s=0.02, out=out)(decision(), np.zeros(1))
    assert "\x1b[2K" in out.getvalue() and "\x1b[1m" not in out.getvalue()
    monkeypatch.setenv("TERM", "dumb")
    out = Screen()
    Terminal(("a",), NAMES, deadline_s=0.02, out=out)(decision(), np.zeros(1))
    assert "\x1b" not in out.getvalue() and "grip" in out.getvalue()


@pytest.mark.parametrize(("gone", "lost"), [("closed", 0), ("unread", 3), ("full", 3)])
def test_a_terminal_that_takes_nothing_holds_nothing_up(monkeypatch, gone, lost):
    monkeypatch.setattr("finjax.live.writer.CLOSE_S", 0.05 if gone == "unread" else 20.0)
    read, write = os.pipe()
    if gone == "closed":
        os.close(read)
    elif gone == "unread":  # fill the pipe, then nobody reads on
        os.set_blocking(write, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(write, b"x" * 1024)
        os.set_blocking(write, True)
    with open("/dev/full", "w", encoding="utf-8") if gone == "full" else os.fdopen(write, "w") as out:
        view = Terminal(("a",), NAMES, deadline_s=0.02, out=out)
        for movement in ("grip", "rest", None):
            view(decision(movement=movement), np.zeros(1))
        view.close()
    assert view.problems[LOST] == lost
    if gone == "unread":
        os.close(read)


@pytest.fixture
def frozen():
    """A terminal whose window takes nothing, so that after some kilobytes writing to it waits."""
    window, descriptor = pty.openpty()
    out = os.fdopen(descriptor, "w", encoding="utf-8")
    yield out, window
    for end in (window, descriptor):  # closing the stream would write what waits in it
        with contextlib.suppress(OSError):
            os.close(end)
    with contextlib.suppress(OSError):
        out.close()


def test_a_frozen_terminal_keeps_the_newest_screen(monkeypatch, frozen):
    monkeypatch.setattr("finjax.live.terminal.REFRESH_S", 0.0)
    out, window = frozen
    view = Terminal(("a",), NAMES, deadline_s=0.02, out=out)
    screens, until = 0, time.monotonic() + 20
    while view.problems[LOST] < 100 and time.monotonic() < until:
        screens += 1
        view(decision(time_s=screens), np.zeros(1))
    assert view.problems[LOST] >= 100
    reader = threading.Thread(target=view.close)  # waits for what is now read
    reader.start()
    text = b""
    while f"{screens:8.2f} s".encode() not in text and time.monotonic() < until:
        text += os.read(window, 4096)
    reader.join()
    assert screens - view.problems[LOST] == text.count(b"latency")  # whole ones, each over the one before
    assert text.count(b"\x1b[7A") == text.count(b"latency") - 1


@pytest.fixture
def frozen_session(monkeypatch):
    """A session on a frozen terminal; gives the late signals that would have ended the tests."""
    monkeypatch.setattr("finjax.live.terminal.REFRESH_S", 0.0)
    monkeypatch.setattr("finjax.live.writer.CLOSE_S", 0.05)
    late = []
    before = signal.signal(signal.SIGTERM, lambda *_: late.append(True))
    yield late
    signal.signal(signal.SIGTERM, before)


def test_a_signal_ends_a_session_whose_terminal_is_frozen(small_decoder, monkeypatch, frozen, frozen_session):
    counted = []

    def asked(self):
        for count, chunk in enumerate(self._chunks()):
            if count == 800:
                os.kill(os.getpid(), signal.SIGTERM)
            yield chunk

    lines = Summary.lines
    monkeypatch.setattr(Replay, "__iter__", asked)
    monkeypatch.setattr(Summary, "lines", lambda self, problems: counted.append(problems) or lines(self, problems))
    monkeypatch.setattr(sys, "stdout", frozen[0])
    assert main([str(small_decoder), "--replay=2"]) == 0
    assert counted[0][LOST] > 100 and not frozen_session


def test_a_signal_ends_the_wait_for_a_terminal_to_take_the_summary(small_decoder, monkeypatch, frozen, frozen_session):
    lines = Summary.lines

    def then_asked(self, problems):
        assert problems[LOST] > 100
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM)).start()
        return lines(self, problems) * 200  # more than any terminal has room for

    monkeypatch.setattr(Summary, "lines", then_asked)
    monkeypatch.setattr(sys, "stdout", frozen[0])
    assert main([str(small_decoder), "--replay=2", "--speed=0"]) == 75
    assert not frozen_session


def test_without_a_terminal_only_changes_are_printed():
    out = io.StringIO()
    view = Terminal(("a",), NAMES, deadline_s=0.02, out=out)
    for movement in ("grip", "grip", None, "rest"):
        view(decision(movement=movement), np.zeros(1))
    assert [line.split()[2] for line in out.getvalue().splitlines()] == ["grip", "–", "rest"]


def test_the_summary_counts():
    recording = synthetic.generate(1, synthetic.Settings(subjects=1, movement_s=1.0, rest_s=0.0))
    names = recording.movement_names
    summary = Summary(deadline_s=0.02, recording=recording, movement_names=names)
    for n, (movement, latency) in enumerate([(names[1], 0.001), (names[0], 0.002), (names[0], 0.003), (None, 0.5)]):
        summary.add(decision(time_s=0.3 + 0.1 * n, movement=movement, latency_s=latency))
    first, second, *rest = summary.lines(Counter(lost=3))
    assert first == "4 decisions, 1 of them none; 1 missed the deadline of 20 ms"
    assert "p50 2.0" in second and "max 500.0 ms" in second
    assert rest[0] == "accuracy 50.0% of 4 decisions in movements"
    assert "400 ms after the onset (median of 1 of 1 movements)" in rest[1]
    assert rest[-1] == "lost: 3"


def test_a_stream_without_a_window_has_no_latency():
    summary = Summary(deadline_s=0.02, recording=None, movement_names=NAMES)
    assert summary.lines(Counter()) == ["no decision: the stream was shorter than a window"]
