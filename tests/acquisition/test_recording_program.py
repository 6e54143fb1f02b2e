"""`finjax record` as a program: whole recordings, refusals, keys, signals, a full disk, kills."""

import csv
import os
import pty
import random
import re
import select
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
import quick_program
from conftest import ROOT
from recording_child import RATE_HZ, samples_from
from scripted import Scripted

from finjax.acquisition.__main__ import main

QUICK = ["--ready=0.2", "--hold=0.5", "--rest=0.2", "--check=0"]
PROGRAM = [sys.executable, str(Path(quick_program.__file__))]
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    "PYTHONUNBUFFERED": "1",
}


def events(root):
    rows = []
    for path in sorted(root.rglob("*_events.tsv")):
        with path.open(encoding="utf-8", newline="") as file:
            rows += [row for row in csv.DictReader(file, delimiter="\t") if row["trial_type"] != "bad"]
    return [(row["trial_type"], int(row["repetition"]), row["status"]) for row in rows]


@pytest.fixture
def quick(monkeypatch):
    """Records from a source that is there at once."""
    monkeypatch.setattr("finjax.acquisition.guided.open_source", lambda *_, **__: quick_program.source())
    return lambda root, *options: main(["--source=lsl:quick", *QUICK, *options, str(root)])


def test_a_recording_and_later_one_more_repetition(quick, tmp_path, capsys):
    root = tmp_path / "my data"
    assert quick(root, "--movements=rest,fist, open", "--repetitions=2") == 0
    printed = capsys.readouterr().out
    assert "movements that were held: " in printed and "fist 2" in printed
    assert f"next: finjax fit '{root}'" in printed
    assert quick(root, "--repetitions=1") == 0
    assert quick(root, "--repetitions=1", "--subject=2", "--order=fixed") == 0
    expected = [(movement, number) for number in (1, 2, 3) for movement in ("fist", "open", "rest")]
    assert sorted(events(root / "sub-01")) == sorted((*one, "good") for one in expected)
    assert events(root / "sub-02") == [(movement, 1, "good") for movement in ("rest", "fist", "open")]
    assert capsys.readouterr().err == ""


def test_the_check_is_shown_and_kept(tmp_path, capsys):
    arguments = ["--source=synthetic:1", "--speed=0", *QUICK, "--movements=a", "--check=1", str(tmp_path / "new")]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert re.search(r"^channel +rest +fist +ratio +hum +verdict$", printed, re.MULTILINE)
    assert re.search(r"^flexor +\S+ +\S+ +\d+\.\d +\d+%  (good|weak)$", printed, re.MULTILINE)
    assert '"hum_share"' in next((tmp_path / "new").rglob("*_emg.json")).read_text()


def test_movements_that_a_folder_does_not_have_need_another_folder(quick, tmp_path, capsys):
    assert quick(tmp_path / "a", "--movements=rest,fist", "--repetitions=1") == 0
    before = sorted((tmp_path / "a").rglob("*"))
    assert quick(tmp_path / "a", "--movements=rest,pinch", "--repetitions=1") == 1
    assert re.search("has recordings of rest, fist, and none of pinch: .* Give another folder", capsys.readouterr().err)
    assert sorted((tmp_path / "a").rglob("*")) == before
    assert quick(tmp_path / "a", "--movements=fist", "--repetitions=1") == 0  # a run may lack movements


def test_a_source_that_cannot_be_opened_leaves_no_folder(tmp_path, capsys):
    assert main(["--source=lsl:nobody_sends_this", *QUICK, "--movements=rest,fist", str(tmp_path / "a")]) != 0
    assert capsys.readouterr().err and not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--source=synthetic:1"], "--movements: name at least one movement"),
        (["--source=synthetic:1", "--movements=fist,,open"], "'' is not a name"),
        (["--source=synthetic:1", "--movements=fist,fist"], "'fist' and 'fist' are the same name"),
        (["--source=synthetic:1", "--movements=fi\tst"], "has a tab, a line break"),
        (["--source=synthetic:1", "--movements=fist", "--repetitions=0"], "--repetitions=0: give a number from 1"),
        (["--source=synthetic:1", "--movements=fist", "--hold=0"], "--hold=0: give 0.1 to 3600 seconds"),
        (["--source=synthetic:1", "--movements=fist", "--subject=0"], "--subject=0: give a number from 1"),
        (["--source=synthetic:1", "--movements=fist", "--session=a_b"], "--session=a_b: only letters and digits"),
        (["--source=synthetic:1", "--movements=fist", "--check=0.5"], "--check=0.5: give 1 to 3600 seconds, or 0"),
        (["--source=synthetic:1", "--movements=fist", "--check=nan"], "--check=nan: give 1 to 3600 seconds, or 0"),
        (["--source=synthetic:1", "--movements=fist", "--range=0"], "--range=0: give the largest value"),
        (["--source=synthetic:1", "--movements=fist", "--seed=-1"], "--seed=-1: give a number from 0"),
        (["--source=synthetic:1", "--movements=fist", "--speed=inf"], "--speed=inf: give a number from 0"),
        (["--source=nothing", "--movements=fist"], "'nothing' is not a source of samples"),
        (["--source=udp:0", "--movements=fist"], "give both"),
    ],
)
def test_what_cannot_be_recorded_is_refused_in_one_message(tmp_path, capsys, options, message):
    assert main([*options, str(tmp_path / "new")]) == 1
    printed = capsys.readouterr()
    assert message in printed.err and printed.err.startswith("error: ") and printed.out == ""
    assert not list(tmp_path.rglob("*.bdf"))


def test_samples_of_no_known_size_are_refused(quick, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("finjax.acquisition.guided.open_source", lambda *_, **__: quick_program.source(unit=""))
    assert quick(tmp_path / "new", "--movements=fist") == 1
    assert "does not say the unit of its samples (none)" in capsys.readouterr().err


def test_a_unit_that_is_not_that_of_the_source_is_refused(quick, tmp_path, capsys):
    assert quick(tmp_path / "new", "--movements=fist", "--unit=mV") == 1
    assert "--unit=mV: the source says that its samples are in uV" in capsys.readouterr().err


def test_a_folder_of_somebody_else_is_refused_and_stays_as_it_is(quick, tmp_path, capsys):
    (tmp_path / "thesis.tex").write_text("x")
    assert quick(tmp_path, "--movements=fist") == 1
    assert "is not empty, and holds no recordings" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_another_device_is_refused_in_a_folder_with_recordings(quick, tmp_path, capsys, monkeypatch):
    assert quick(tmp_path / "new", "--movements=fist") == 0
    capsys.readouterr()
    monkeypatch.setattr("finjax.acquisition.guided.open_source", lambda *_, **__: Scripted([], rate_hz=500.0))
    assert quick(tmp_path / "new", "--movements=fist") == 1
    assert "has recordings of 2 channels at 250 Hz" in capsys.readouterr().err


def test_the_synthetic_board_of_brainflow_is_recorded(tmp_path, capsys):
    pytest.importorskip("brainflow", reason="brainflow is not installed")
    mne = pytest.importorskip("mne", reason="mne is not installed: pip install -e '.[dev]'")
    options = ["--source=brainflow:synthetic", "--movements=fist,open", "--repetitions=1"]
    assert main([*options, *QUICK, str(tmp_path / "new")]) == 0
    capsys.readouterr()
    (path,) = (tmp_path / "new").rglob("*.bdf")
    raw = mne.io.read_raw_bdf(path, verbose="error")
    assert raw.info["sfreq"] == 250
    assert [text for text in raw.annotations.description if text != "bad"] == [name for name, *_ in events(tmp_path)]
    assert np.all(raw.get_data().std(axis=1) > 1e-6)  # volts


class Person:
    """Somebody at the terminal of a program."""

    def __init__(self, *arguments):
        self._terminal, program = pty.openpty()
        self._process = subprocess.Popen(
            [*PROGRAM, *arguments], stdin=program, stdout=program, stderr=subprocess.PIPE,
            env={**ENVIRONMENT, "TERM": "dumb"}, start_new_session=True,
        )  # fmt: skip
        os.close(program)
        self.seen = ""

    def wait_for(self, text, *, count=1):
        deadline = time.monotonic() + 120
        while self.seen.count(text) < count:
            assert time.monotonic() < deadline, self.seen
            if select.select([self._terminal], [], [], 1.0)[0]:
                self.seen += os.read(self._terminal, 4096).decode()

    def press(self, key):
        os.write(self._terminal, key.encode())

    def end(self):
        """Reads to the end; returns the exit status and what came on stderr."""
        while True:
            try:
                content = os.read(self._terminal, 4096)
            except OSError:  # the program has closed the terminal
                break
            if not content:
                break
            self.seen += content.decode()
        errors = self._process.stderr.read().decode()
        self._process.stderr.close()
        os.close(self._terminal)
        return self._process.wait(timeout=60), errors


def test_keys_lead_a_recording(tmp_path):
    root = tmp_path / "new"
    person = Person(
        "1", "--movements=fist,open", "--order=fixed", "--repetitions=1",
        "--check=0", "--ready=0.2", "--hold=1.5", "--rest=0.2", str(root),
    )  # fmt: skip
    person.wait_for("HOLD       fist")
    person.press("r")
    person.wait_for("HOLD       fist", count=2)
    person.press("a")
    person.wait_for("HOLD       open")
    person.press(" ")
    person.wait_for("paused")
    person.press(" ")
    person.wait_for("HOLD       open", count=2)
    person.wait_for("HOLD       fist", count=3)
    person.press("s")
    person.wait_for("HOLD       open", count=3)
    person.press("q")
    status, errors = person.end()
    assert (status, errors) == (0, "")
    assert "not all was recorded: ended by the person who records" in person.seen
    assert events(root) == [
        ("fist", 1, "repeated"), ("fist", 1, "good"), ("open", 1, "repeated"), ("open", 1, "good"),
        ("fist", 2, "skipped"), ("open", 2, "skipped"),
    ]  # fmt: skip


def test_after_a_check_with_faults_the_person_decides(tmp_path):
    person = Person("5", "--movements=fist", "--check=1", str(tmp_path / "new"))
    person.wait_for("space: record anyway")
    person.press("r")
    person.wait_for("space: record anyway", count=2)
    person.press(" ")
    person.wait_for("get ready  fist")
    person.press("q")
    assert person.end() == (0, "")
    assert len(list((tmp_path / "new").rglob("*.bdf"))) == 1


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_recording_with_everything_written(tmp_path, signum):
    root = tmp_path / "new"
    process = subprocess.Popen(
        [*PROGRAM, "1", *QUICK, "--movements=fist", "--repetitions=100", str(root)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT,
    )  # fmt: skip
    for line in process.stdout:
        if "2 of 100 done" in line:
            break
    process.send_signal(signum)
    printed, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    assert f"not all was recorded: stopped by {signum.name}" in printed and "next: finjax fit" in printed
    (path,) = root.rglob("*.bdf")
    assert int(path.read_bytes()[236:244]) > 0  # the number of records
    assert [status for *_, status in events(root)][:2] == ["good", "good"]


def test_a_full_disk_ends_a_recording_with_one_message(tmp_path):
    limited = ["bash", "-c", 'ulimit -f 16; exec "$@"', "bash"]  # in KiB
    root = tmp_path / "new"
    done = subprocess.run(
        [*limited, *PROGRAM, "0", *QUICK, "--movements=fist", "--repetitions=20", str(root)],
        capture_output=True, text=True, timeout=120, env=ENVIRONMENT,
    )  # fmt: skip
    assert done.returncode == 1
    assert re.fullmatch(r"error: \S+_emg\.bdf cannot be written \(File too large: raise the limit.*\)\n", done.stderr)
    (path,) = root.rglob("*.bdf")
    header, record = 256 * 4, 3 * (2 * 125 + 128)  # two channels at 250 Hz, half a second
    records = (16 * 1024 - header) // record
    assert path.stat().st_size == header + records * record
    assert int(path.read_bytes()[236:244]) == records


@pytest.mark.slow
def test_a_recording_that_is_killed_keeps_all_but_the_last_record(tmp_path):
    mne = pytest.importorskip("mne", reason="mne is not installed: pip install -e '.[dev]'")
    chance = random.Random(0)
    for number in range(20):
        root, log = tmp_path / str(number), tmp_path / f"{number}.log"
        child = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("recording_child.py")), str(root), str(log)], env=ENVIRONMENT
        )
        while not log.exists() or log.stat().st_size < 10:
            assert child.poll() is None
            time.sleep(0.01)
        time.sleep(chance.uniform(0.0, 4.0))
        child.kill()
        child.wait()
        taken, trials = map(int, log.read_text().rpartition("\n")[0].splitlines()[-1].split())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the header does not say how many records there are
            if taken < RATE_HZ / 2:
                continue  # no record is complete
            raw = mne.io.read_raw_bdf(next(root.rglob("*.bdf")), verbose="error")
        assert raw.n_times >= taken - RATE_HZ / 2, number
        np.testing.assert_allclose(1e6 * raw.get_data().T, samples_from(0, raw.n_times), atol=0.01)
        rows = events(root)
        assert len(rows) >= trials and {status for *_, status in rows} <= {"good"}
        assert len(list(root.rglob("*_channels.tsv"))) == len(list(root.rglob("*_emg.json"))) == 1
