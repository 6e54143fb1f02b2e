"""Printing to any terminal: of any encoding, closed, or on a full disk."""

import contextlib
import errno
import io
import logging
import os
import sys
import time
import unicodedata

import pytest

from finjax.data.__main__ import main as data
from finjax.evaluation.report import fin_table, horizon_table, recognition_table
from finjax.plots.__main__ import main as plots
from finjax.system import console
from finjax.system.console import Output, any_terminal, messages_held_back, say

TABLE = "R² of Δx\n50 % ± 3 – 40 × 12 … █▅░ café Ж \udc80"
SCORES = {
    "r2": 0.5,
    "mae": 1.0,
    "mape": 3.0,
    "windows": 1,
    "windows_available": 2,
    "statistics_from": {1: "used"},
    "per_channel": [1, 2],
}
FIN = {"target": "rms", "horizon_ms": 0, "dataset": "a", "seed": 0, "checkpoint_step": 1, "seen": SCORES}
ACCURACY = {"mean": 0.5, "sd": 0.1, "low": 0.4, "high": 0.6, "subjects": 2}


def stdout(encoding, errors="strict"):
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors=errors)


def printed(stream) -> str:
    stream.flush()
    return stream.buffer.getvalue().decode(stream.encoding)


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [
        ("ascii", "R2 of dx\n50 % +/- 3 - 40 x 12 ... #+. cafe ? ?"),
        ("latin-1", "R² of dx\n50 % ± 3 - 40 × 12 ... #+. café ? ?"),
        ("cp1252", "R² of dx\n50 % ± 3 – 40 × 12 … #+. café ? ?"),
        ("cp932", "R2 of Δx\n50 % ± 3 - 40 × 12 … #+. cafe Ж ?"),
        ("gbk", "R2 of Δx\n50 % ± 3 – 40 × 12 … █▅. café Ж ?"),
        ("utf-8", "R² of Δx\n50 % ± 3 – 40 × 12 … █▅░ café Ж ?"),
    ],
)
def test_a_character_that_the_encoding_lacks_becomes_plain(monkeypatch, encoding, expected):
    out = stdout(encoding)
    monkeypatch.setattr(sys, "stdout", out)
    say(TABLE)
    with any_terminal():
        print(TABLE)
    assert sys.stdout is out
    assert printed(out) == f"{expected}\n" * 2


def test_every_plain_form_is_ascii():
    for character in map(chr, range(0x2600)):
        assert console.plain(character).isascii(), unicodedata.name(character, hex(ord(character)))
    assert len("".join(map(console.plain, "▁▂▃▄▅▆▇█░²–×"))) == 12  # columns stay where they are


def test_the_tables_of_an_evaluation_are_printed_by_any_stdout(monkeypatch):
    monkeypatch.setattr(sys, "stdout", stdout("ascii"))
    row = {"subject": 1, "accuracy": 0.5, "balanced_accuracy": 0.5, "macro_f1": 0.5, "windows": 1, "segments": 1}
    row["statistics_from"] = "used"
    summary = {"accuracy": ACCURACY, "balanced_accuracy": ACCURACY, "macro_f1": ACCURACY}
    say(fin_table(FIN, "run"))
    say(horizon_table([{"horizon_ms": 0, "seen": 0.5}], "rms"))
    say(recognition_table({"subjects": [row], "summary": summary, "windows": 1, "segments": 1}, "run"))
    text = printed(sys.stdout)
    assert "R2 of RMS" in text and "50.0% +/- 10.0%" in text and "1 of 2 x 2" in text


def test_help_is_printed_by_any_stdout(monkeypatch):
    monkeypatch.setattr(sys, "stdout", stdout("ascii"))
    with pytest.raises(SystemExit, match="0"):
        plots(["curves", "--help"])
    assert "R2" in printed(sys.stdout)


@pytest.fixture
def closed_pipe():
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as stream:
        yield stream


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_the_program_continues_after_a_closed_pipe(monkeypatch, closed_pipe, name):
    monkeypatch.setattr(sys, name, closed_pipe)
    with any_terminal():
        for _ in range(3):
            print("x" * 20_000, file=getattr(sys, name), flush=True)
    say("also without any_terminal")
    closed_pipe.flush()  # as Python does at exit, where it would report an error


def test_buffered_output_is_dropped_too(monkeypatch, closed_pipe):
    monkeypatch.setattr(sys, "stdout", closed_pipe)
    assert data(["inspect", "--name=synthetic"]) == 0
    closed_pipe.flush()


class Failing(io.StringIO):
    def __init__(self, code):
        super().__init__()
        self.code = code

    def flush(self):
        raise OSError(self.code, os.strerror(self.code))


def test_a_closed_terminal_is_ignored_and_a_full_disk_is_an_error():
    Output(Failing(errno.EIO)).flush()
    with pytest.raises(OSError, match="No space"):
        Output(Failing(errno.ENOSPC)).flush()


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_on_a_full_disk_a_program_ends_with_one_message(monkeypatch, capsys, name):
    with open("/dev/full", "w", encoding="utf-8") as full:
        monkeypatch.setattr(sys, name, full)
        status = pytest.raises(SystemExit, match="1") if name == "stdout" else contextlib.nullcontext()
        with status, any_terminal():
            for _ in range(3):
                print("x" * 20_000, file=getattr(sys, name), flush=True)
            worked_on = True
        full.flush()  # as Python does at exit, where it would report an error
    assert worked_on
    said = "error: stdout could not be written (No space left on device); the rest of the output is lost\n"
    assert capsys.readouterr().err == said * (name == "stdout")


@pytest.mark.parametrize(("end", "expected"), [(SystemExit(75), 75), (SystemExit(0), 1), (KeyError(), None)])
def test_a_full_disk_hides_no_other_error(monkeypatch, capsys, end, expected):
    with open("/dev/full", "w", encoding="utf-8") as full:
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(type(end)) as raised, any_terminal():
            print("x")
            raise end
    assert getattr(raised.value, "code", None) == expected
    assert capsys.readouterr().err.startswith("error: stdout could not be written")


def test_inspecting_onto_a_full_disk(monkeypatch, capsys):
    with open("/dev/full", "w", encoding="utf-8") as full:
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(SystemExit, match="1"):
            data(["inspect", "--name=synthetic"])
    assert capsys.readouterr().err.startswith("error: stdout could not be written")


def test_output_that_a_stuck_pipe_does_not_accept_is_dropped():
    read, write = os.pipe()
    os.set_blocking(write, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(write, b"x" * 1024)
    os.set_blocking(write, True)
    with os.fdopen(write, "w") as stream:
        out = Output(stream)
        out.drop_if_stuck()
        out.write("lost")
        out.flush()
    os.close(read)
    open_one = Output(stdout("utf-8"))
    open_one.drop_if_stuck()
    open_one.write("kept")
    assert printed(open_one._stream) == "kept"


def test_a_program_without_stdout_runs(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    say(TABLE)
    assert data(["inspect", "--name=synthetic"]) == 0
    with contextlib.suppress(SystemExit):
        data(["nonsense"])


def test_messages_are_held_back_even_those_of_libraries_in_c(capfd, monkeypatch):
    stderr = open(2, "w", closefd=False)  # noqa: SIM115  (that of the process; pytest puts another in its place)
    monkeypatch.setattr(sys, "stderr", stderr)
    with messages_held_back():
        os.write(2, b"from C\n")
        print("from Python", file=sys.stderr)
        assert capfd.readouterr().err == ""
    assert capfd.readouterr().err == "from C\nfrom Python\n"
    with messages_held_back():
        os.write(2, b"x" * 100_000 + b"the end\n")
    said = capfd.readouterr().err
    assert len(said) == console.HELD_BACK_BYTES and said.endswith("the end\n")
    with messages_held_back(False):
        os.write(2, b"at once")
        assert capfd.readouterr().err == "at once"


def test_without_a_temporary_folder_messages_are_shown_at_once(capfd, monkeypatch):
    def nowhere(*_, **__):
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")

    monkeypatch.setattr(console.tempfile, "NamedTemporaryFile", nowhere)
    with messages_held_back():
        os.write(2, b"at once")
        assert capfd.readouterr().err == "at once"


def test_the_file_of_held_back_messages_stays_small(capfd, monkeypatch):
    monkeypatch.setattr(sys, "stderr", open(2, "w", closefd=False))  # noqa: SIM115
    monkeypatch.setattr(console, "CUT_EVERY_S", 0.001)
    monkeypatch.setattr(console, "LARGEST_HELD_BACK", 50_000)
    with messages_held_back():
        os.write(2, b"x" * 100_000 + b"the end")
        until = time.monotonic() + 20
        # Between cutting and writing the end, the file is empty for a moment.
        while (size := os.fstat(2).st_size) != console.HELD_BACK_BYTES and time.monotonic() < until:
            time.sleep(0.001)
        assert size == console.HELD_BACK_BYTES
        os.write(2, b" and more\n")
    said = capfd.readouterr().err
    assert len(said) == console.HELD_BACK_BYTES and said.endswith("xthe end and more\n")


def test_a_message_is_logged_once(caplog):
    one, other = logging.getLogger("finjax.one"), logging.getLogger("finjax.other")
    for logger in (one, one, other):
        console.log_once(logger, "100 % of this test's own message")
    assert [record.name for record in caplog.records] == ["finjax.one", "finjax.other"]
    assert {record.levelno for record in caplog.records} == {logging.WARNING}
