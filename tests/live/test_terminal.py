"""The view on a terminal of any kind: it shows what it should, and never delays the decoder."""

import contextlib
import dataclasses
import io
import os
import pty
import re
import signal
import sys
import threading
import time
from collections import Counter

import numpy as np
import pytest
from decisions import NAMES, decision
from terminals import Screen

from finjax.live.__main__ import main
from finjax.live.summary import Summary
from finjax.live.terminal import Terminal
from finjax.sources.replay import Replay
from finjax.system.display import LOST

pytestmark = pytest.mark.usefixtures("a_terminal")


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

    monkeypatch.setattr("finjax.live.session.decode", fake_decode)
    assert main([str(small_decoder)]) == 0
    assert seen == [""]
    assert capfd.readouterr().err == "re-connecting\na warning\n"


def test_the_view_says_that_no_electrode_gives_a_signal():
    out, lines = Screen(), io.StringIO()
    dead = dataclasses.replace(decision(movement=None, faults=[("a", "flat")]), has_signal=False)
    for view in (Terminal(("a",), NAMES, deadline_s=0.02, out=to) for to in (out, lines)):
        view(dead, np.array([np.nan]))
    assert "no electrode gives a signal" in out.getvalue() and "no electrode gives a signal" in lines.getvalue()
    summary = Summary(deadline_s=0.02, recording=None, movement_names=NAMES)
    summary.add(dead)
    summary.add(decision())
    assert any(line.startswith("no electrode gave a signal: 1 decisions") for line in summary.lines(Counter()))


def test_the_view_says_that_a_stream_is_silent(monkeypatch):
    monkeypatch.setattr("finjax.live.terminal.REFRESH_S", 0.0)
    out, lines = Screen(), io.StringIO()
    for view in (Terminal(("a",), NAMES, deadline_s=0.02, out=to) for to in (out, lines)):
        view.silent(1.0)
        view(decision(), np.zeros(1))
        view.silent(2.0)
        view.silent(3.0)
    assert "no samples for 3 s" in out.getvalue()
    assert [line.split()[-1] for line in lines.getvalue().splitlines()] == ["samples", "70%", "samples"]


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp932", "gbk", "cp1252", "utf-8"])
@pytest.mark.parametrize("in_place", [True, False])
def test_the_view_works_in_any_encoding(encoding, in_place):
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
def test_the_view_fits_any_size(monkeypatch, columns, rows):
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


def test_dumb_terminals_get_plain_text_and_no_color_is_respected(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    out = Screen()
    Terminal(("a",), NAMES, deadline_s=0.02, out=out)(decision(), np.zeros(1))
    assert "\x1b[2K" in out.getvalue() and "\x1b[1m" not in out.getvalue()
    monkeypatch.setenv("TERM", "dumb")
    out = Screen()
    Terminal(("a",), NAMES, deadline_s=0.02, out=out)(decision(), np.zeros(1))
    assert "\x1b" not in out.getvalue() and "grip" in out.getvalue()


@pytest.mark.parametrize(("gone", "lost"), [("closed", 0), ("unread", 3), ("full", 3)])
def test_a_terminal_that_takes_no_output_delays_nothing(monkeypatch, gone, lost):
    monkeypatch.setattr("finjax.system.writer.CLOSE_S", 0.05 if gone == "unread" else 20.0)
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
    monkeypatch.setattr("finjax.system.writer.CLOSE_S", 0.05)
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
