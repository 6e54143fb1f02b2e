import dataclasses
import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from ninapro_files import write_database

from finjax.data import inspection, ninapro
from finjax.data.__main__ import main
from finjax.data.ninapro_databases import DATABASES
from finjax.data.recording import UNLABELLED, Recording
from finjax.data.registry import get_spec
from finjax.data.windows import Framing, count_windows

DB2 = get_spec("ninapro_db2")


def write_subject(folder, subject, segments):
    """Writes a file of `[length, movement, repetition]` segments, with 50 samples of rest after each."""
    parts = [part for length, m, r in segments for part in ((length, m, r), (50, UNLABELLED, 0))]
    lengths = [length for length, _, _ in parts]
    signal = np.random.default_rng(subject).normal(size=(sum(lengths), 12)).astype(np.float32)
    recording = Recording(
        dataset=DB2.name,
        subject=subject,
        signal=signal,
        movement=np.repeat(np.array([m for _, m, _ in parts], np.int16), lengths),
        repetition=np.repeat(np.array([r for _, _, r in parts], np.int16), lengths),
        rate_hz=DB2.rate_hz,
        channel_names=DB2.channel_names,
        movement_names=DB2.movement_names,
    )
    ninapro.write_mat(recording, folder / f"S{subject}_E1_A1.mat")


def test_a_folder_of_another_database_is_an_error_after_the_tables(tmp_path, capsys):
    write_database(tmp_path / "data", "DB4", "A")
    options = [f"--dir={tmp_path / 'data'}", f"--cache_dir={tmp_path / 'cache'}"]
    assert main(["inspect", "--name=ninapro_db3", *options]) == 1
    out, err = capsys.readouterr()
    assert "By subject (samples and seconds include rest; a segment is one repetition of one movement)\n" in out
    assert err.startswith(f"error: the files below {tmp_path / 'data'} are not of ninapro_db3: no subject has ")
    assert err.endswith("They look like ninapro_db4: use --name=ninapro_db4\n")
    assert main(["inspect", "--name=ninapro_db4", "--step=1", *options]) == 0
    assert "every 0.5 ms (1 sample), each" in capsys.readouterr().out


@pytest.fixture
def folder(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    # Windows of 600 every 20: (900 - 600) // 20 + 1 = 16, (600 - 600) // 20 + 1 = 1, (599 ...) none.
    write_subject(data, 1, [(900, 0, 1), (600, 0, 2), (599, 16, 1)])
    write_subject(data, 2, [(900, 0, 1), (619, 0, 2), (640, 16, 1)])
    return data


@pytest.fixture
def run(folder, tmp_path, capsys):
    def run(*options, name="ninapro_db2", dir=folder):
        status = main(["inspect", f"--name={name}", f"--dir={dir}", f"--cache_dir={tmp_path}/cache", *options])
        out, err = capsys.readouterr()
        return status, out, err

    return run


def rows(text):
    return [line.split() for line in text.splitlines()]


def test_count_windows():
    segments = np.array([[0, 900], [0, 600], [0, 599], [10, 629], [10, 630], [0, 0]])
    assert count_windows(segments, Framing(length=600, step=20)).tolist() == [16, 1, 0, 1, 2, 0]


def test_report_counts(run):
    status, out, err = run()
    assert status == 0 and err == ""
    table = rows(out)
    # samples, seconds at 2 kHz, segments, too short, repetitions, windows
    assert ["1", "2,249", "1.1", "3", "1", "1-2", "17"] in table
    assert ["2", "2,309", "1.2", "3", "-", "1-2", "20"] in table
    assert ["all", "4,558", "2.3", "6", "1", "1-2", "37"] in table
    assert ["0", "thumb", "up", "32", "2", "34"] in table
    assert ["all", "35", "2", "37"] in table
    assert "300 ms (600 samples) every 10 ms (20 samples)" in out
    assert "subject 1: movement 16 in repetitions 1" in out
    assert max(map(len, out.splitlines())) <= 110


def test_the_default_split_is_shown(run):
    split = "repetitions: train 1,3,4, tune 6 (unseen: 1,3,4,6), test 2,5; people: seen 1-25, unseen 26-40"
    assert re.search(f"^  split +{re.escape(split)}$", run()[1], re.MULTILINE)
    three_dc = dataclasses.replace(DB2, splits=get_spec("three_dc").splits)
    report = inspection.report(three_dc, [], {}, framing=Framing(length=600, step=20))
    assert "repetitions: train 1-4, tune 1-4, test 5-8; people: seen 1-6, unseen all others\n" in report


def test_window_and_step_and_subjects(run):
    status, out, _ = run("--window=250ms", "--step=100ms", "--subjects=2")
    # (900 - 500) // 200 + 1 = 3, (619 - 500) // 200 + 1 = 1, (640 - 500) // 200 + 1 = 1
    assert status == 0 and ["2", "2,309", "1.2", "3", "-", "1-2", "5"] in rows(out)
    assert "Cannot be read" not in out and "No window, though" not in out


def test_movements_that_nobody_has_are_rows_of_the_table_too(run):
    _, out, _ = run()
    assert ["15", "wrist", "ulnar", "deviation", "0", "0", "0"] in rows(out)
    assert "No window of any subject: movement 1-15" in out


def test_trailing_movements_that_nobody_has_do_not_vanish(run, folder):
    for path in folder.iterdir():
        path.unlink()
    write_subject(folder, 1, [(900, movement, 1) for movement in range(5)])
    _, out, _ = run()
    assert ["16", "wrist", "extension", "with", "closed", "hand", "0", "0"] in rows(out)
    assert "No window of any subject: movement 5-16" in out


def test_not_a_single_window_is_an_error(run):
    status, out, err = run("--window=500ms")
    assert status == 1 and "By subject" in out
    assert err.startswith("error: no window fits: the longest segment has 900 samples, but a window 1000")


def test_rounded_durations_are_reported(run):
    status, out, err = run("--window=250.2ms")
    assert status == 0 and err == ""
    assert "--window=250.2ms is 500.4 samples at 2000 Hz: rounded to 500 samples, 250 ms" in out


def test_the_overview_says_that_a_dataset_was_never_tried_on_an_original(run, folder):
    assert "untested on original files" in run()[1]  # DB2
    shutil.copy(folder / "S1_E1_A1.mat", folder / "S1_E2_A1.mat")
    _, out, _ = run(name="ninapro_db4_b")  # 17 movements too
    assert "untested on original files" in out


@pytest.mark.parametrize("database", DATABASES, ids=lambda database: database.name)
def test_only_db1_was_tried_on_originals(database):
    for exercise in database.exercises:
        remark = get_spec(database.dataset_name(exercise)).remark
        assert ("untested on original files" in remark) == (database.name != "DB1")


def test_the_same_samples_under_two_names_are_listed(run, folder):
    shutil.copy(folder / "S1_E1_A1.mat", folder / "S7_E1_A1.mat")
    status, out, _ = run()
    assert status == 0 and "The same samples under different labels\n  subjects 1 and 7: 3 pairs of segments" in out
    assert "subject 1 movement 0 repetition 1 = subject 7 movement 0 repetition 1" in out


def test_all_messages_name_the_options_of_the_command(run, folder):
    (folder / "S3_E1_A1.mat").write_bytes(b"broken")
    write_database(folder, "DB1", "A", subject=4, file_name="S4_E1_A1.mat")
    status, out, err = run()
    assert status == 1 and "or leave subject 3 out" in out and "use the dataset ninapro_db1" in out
    assert "--config" not in out + err


def test_missing_content_and_closed_folders_are_named(run, folder, monkeypatch):
    (folder / "S5_E1_A1.mat").symlink_to("../.git/annex/objects/xx/SHA256E-s1--0.mat")
    (folder / "DB2_s8").symlink_to("gone")
    (folder / "DB2_s9").mkdir()
    scandir = os.scandir

    def refuse(place):
        if os.fspath(place).endswith("DB2_s9"):  # modes do not stop root, who may run the tests
            raise PermissionError(13, "Permission denied", os.fspath(place))
        return scandir(place)

    monkeypatch.setattr(os, "scandir", refuse)
    status, out, err = run()
    assert status == 1 and err == ""
    assert f"  subject 5: {folder}/S5_E1_A1.mat: its content is not downloaded. Download it with: datalad get '" in out
    assert f"  {folder}/DB2_s8 is a link to gone, which does not exist" in out
    assert f"  {folder}/DB2_s9 cannot be searched (Permission denied): ask its owner for permission" in out


def test_bad_files_are_listed_and_set_the_status(run, folder):
    (folder / "S3_E1_A1.mat").write_bytes(b"broken")
    status, out, _ = run()
    assert status == 1
    assert "Cannot be read\n  subject 3: " in out and "S3_E1_A1.mat: damaged or incomplete" in out
    assert ["all", "4,558", "2.3", "6", "1", "1-2", "37"] in rows(out)
    status, out, _ = run("--subjects=3")
    assert status == 1 and "By subject" not in out and "subject 3: " in out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "ninapro_db9"}, "unknown dataset 'ninapro_db9'; known are bids, ninapro_db1"),
        ({"dir": "/no/such/folder"}, "no such folder: /no/such/folder (--dir)"),
        ({"dir": ""}, "give its folder with --dir=FOLDER"),
        ({"name": "three_dc"}, "no subject of three_dc below"),
        ({"window": "soon"}, "--window='soon'"),
        ({"step": "0.1ms"}, "--step='0.1ms' is 0.2 samples at 2000 Hz; it must be 1 sample, 0.5 ms, or more"),
        ({"subjects": "1-9"}, "no subject 3-9"),
        ({"subjects": "one"}, "'one'"),
    ],
)
def test_user_errors(run, options, message):
    flags = [f"--{key}={options.pop(key)}" for key in list(options) if key not in ("name", "dir")]
    status, out, err = run(*flags, **options)
    assert status == 2 and out == ""
    assert err.startswith("error: ") and message in err and "Traceback" not in err


def test_synthetic_has_no_files(run):
    status, out, _ = run(name="synthetic")
    assert status == 0 and "no files to inspect" in out


def test_command_line_itself(folder, tmp_path):
    command = [sys.executable, "-m", "finjax.data", "inspect", "--name=ninapro_db2", f"--dir={folder}"]
    environment = os.environ | {"FINJAX_CACHE_DIR": str(tmp_path / "cache")}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == 0 and "By subject" in done.stdout and done.stderr == ""


@pytest.mark.slow
def test_written_synthetic_recordings_can_be_inspected(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))  # no shell expands the ~ of --dir=~/new
    assert main(["write", "--dir=~/new", "--subjects=2"]) == 0
    assert capsys.readouterr().out == f"{tmp_path}/new/S2_E1_A1.mat\n"
    assert main(["inspect", "--name=ninapro_db2", f"--dir={tmp_path}/new", f"--cache_dir={tmp_path}/cache"]) == 0
    printed = capsys.readouterr().out
    assert re.search(r"^ +2 +1,020,000 .* 102 ", printed, re.MULTILINE)  # 17 × 6 × 5 s × 2 kHz
