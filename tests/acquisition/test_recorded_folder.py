"""Folders of recordings: what is in them, and that the validator of BIDS and MNE-BIDS take them."""

import csv
import json
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from scripted import noise

from finjax.acquisition import run_writer
from finjax.acquisition.bids import DESCRIPTION, Folder, Person
from finjax.acquisition.run_writer import RunWriter, Setup
from finjax.acquisition.schedule import Finished
from finjax.errors import ConfigError, DataError, StorageError
from finjax.sources.source import StreamInfo

INFO = StreamInfo(name="armband", rate_hz=250.0, channel_names=("a", "flexor carpi radialis"), unit="uV")
SETUP = Setup(movements=["fist", "rest"], unit="uV", physical_max=400_000.0, mains_hz=50)


def trial(movement, repetition, start_s, stop_s, status="good"):
    return Finished(start_s=start_s, stop_s=stop_s, movement=movement, repetition=repetition, status=status)


def recorded(root, person=Person(1), *, info=INFO, setup=SETUP, trials=(), seconds=10.0, first=1):  # noqa: B008
    writer = RunWriter(Folder(root), person, info, setup)
    trials = trials or [trial("fist", first, 1.0, 3.0), trial("rest", first, 4.0, 6.0)]
    for samples in noise(seconds):
        writer.take(samples)
        writer.take_trials([one for one in trials if one.stop_s * writer.rate_hz <= writer.samples])
    writer.close()
    return writer


def table(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def names(root):
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def test_a_recording_has_the_files_of_bids(tmp_path):
    recorded(tmp_path / "new")
    run = "sub-01/emg/sub-01_task-movements_run-01"
    assert names(tmp_path / "new") == sorted(
        [
            "README", "dataset_description.json", "participants.tsv", "task-movements_events.json",
            f"{run}_channels.tsv", f"{run}_emg.bdf", f"{run}_emg.json", f"{run}_events.tsv",
        ]
    )  # fmt: skip
    channels = table(tmp_path / "new" / f"{run}_channels.tsv")
    assert [(one["name"], one["type"], one["units"], one["description"]) for one in channels] == [
        ("a", "EMG", "uV", "a"),
        ("flexor carpi rad", "EMG", "uV", "flexor carpi radialis"),
    ]
    sidecar = json.loads((tmp_path / "new" / f"{run}_emg.json").read_text())
    assert sidecar["SamplingFrequency"] == 250
    assert sidecar["PowerLineFrequency"] == 50
    assert sidecar["RecordingDuration"] == 10
    assert sidecar["Movements"] == ["fist", "rest"]


def test_events_have_the_trials_and_the_lost_samples_in_order_of_time(tmp_path):
    writer = RunWriter(Folder(tmp_path / "new"), Person(1), INFO, SETUP)
    chunks = noise(10.0)
    chunks[20][3:5, 1] = np.nan  # samples 503 and 504
    for samples in chunks:
        writer.take(samples)
        if writer.samples == 1250:
            writer.take_trials([trial("fist", 3, 1.0, 1.5, "repeated"), trial("fist", 3, 3.0, 5.0)])
            writer.mark_bad(1249, 1251)
    writer.close()
    rows = [list(row.values()) for row in table(next((tmp_path / "new").rglob("*events.tsv")))]
    assert rows == [
        ["1", "0.5", "fist", "3", "250", "repeated"],
        ["2.012", "0.008", "bad", "n/a", "503", "n/a"],
        ["3", "2", "fist", "3", "750", "good"],
        ["4.996", "0.008", "bad", "n/a", "1249", "n/a"],
    ]
    assert writer.lost == {"flexor carpi radialis": 2}


def test_events_and_samples_are_there_before_the_end(tmp_path):
    writer = RunWriter(Folder(tmp_path / "new"), Person(1), INFO, SETUP)
    for samples in noise(10.0):
        writer.take(samples)
    writer.take_trials([trial("fist", 1, 1.0, 3.0)])
    assert [row["trial_type"] for row in table(next((tmp_path / "new").rglob("*events.tsv")))] == ["fist"]
    writer.take_trials([trial("fist", 1, 1.0, 3.0, "repeated"), trial("fist", 1, 4.0, 6.0)])
    assert [row["status"] for row in table(next((tmp_path / "new").rglob("*events.tsv")))] == ["repeated", "good"]
    writer.close()


def test_frequent_losses_fill_neither_the_disk_nor_the_file(tmp_path, monkeypatch):
    written = []
    write = run_writer.write_table
    monkeypatch.setattr(run_writer, "write_table", lambda path, *rest: (written.append(path), write(path, *rest)))
    writer = RunWriter(Folder(tmp_path / "new"), Person(1), INFO, SETUP)
    for place, samples in enumerate(noise(20.0, chunk=5)):  # 1000 chunks of 0.02 s
        if place % 4 == 0 or (place % 4 == 2 and place < 500):  # 0.08 s from one loss to the next, at first 0.04 s
            writer.mark_bad(writer.samples - 1, writer.samples + 1)
        writer.take(samples)
        if writer.samples == 2500:
            rows = table(next((tmp_path / "new").rglob("*events.tsv")))
            assert float(rows[-1]["onset"]) + float(rows[-1]["duration"]) >= 8.0  # the last two seconds may be missing
    writer.close()
    events = [path for path in written if path.name.endswith("_events.tsv")]
    assert 10 <= len(events) <= 22  # at the beginning, once a second, at the end
    rows = table(events[0])
    assert [(row["onset"], row["duration"]) for row in rows[:2]] == [("0", "10.004"), ("10.076", "0.008")]
    assert len(rows) == 1 + 124
    edfio = pytest.importorskip("edfio", reason="edfio is not installed: pip install -e '.[dev]'")
    assert edfio.read_bdf(writer.path).duration == 20.0  # no records were added for the annotations


def test_a_long_gap_is_one_event_and_what_fills_the_last_record_another(tmp_path):
    writer = RunWriter(Folder(tmp_path / "new"), Person(1), INFO, SETUP)
    for samples in noise(2.0):
        writer.take(samples)
    for samples in noise(5.0):
        writer.take(np.full_like(samples, np.nan))
    for samples in noise(3.2):
        writer.take(samples)
    writer.close()
    rows = table(next((tmp_path / "new").rglob("*events.tsv")))
    assert [(row["onset"], row["duration"], row["trial_type"]) for row in rows] == [
        ("2", "5", "bad"),
        ("10.2", "0.3", "bad"),
    ]  # and what fills the last record


def test_mne_leaves_out_what_is_bad_by_the_annotations_of_the_file_alone(tmp_path):
    mne = pytest.importorskip("mne", reason="mne is not installed: pip install -e '.[dev]'")
    trials = [trial("fist", 1, 1.0, 2.0, "repeated"), trial("fist", 1, 3.0, 5.0), trial("rest", 1, 6.0, 7.0, "skipped")]
    writer = recorded(tmp_path / "new", trials=trials)
    raw = mne.io.read_raw_bdf(writer.path, verbose="error")
    assert list(raw.annotations.description) == ["fist", "bad repeated", "fist", "rest", "bad skipped"]
    kept = raw.get_data(reject_by_annotation="omit", verbose="error")
    assert kept.shape[1] == 2500 - 250 - 250


def test_runs_are_numbered_on_and_none_is_changed(tmp_path):
    root = tmp_path / "new"
    recorded(root)
    before = {name: (root / name).read_bytes() for name in names(root)}
    recorded(root, first=2)
    recorded(root, Person(2))
    recorded(root, Person(1, "evening"), first=3)
    assert {name: (root / name).read_bytes() for name in before if name != "participants.tsv"} == {
        name: content for name, content in before.items() if name != "participants.tsv"
    }
    assert [path.relative_to(root).as_posix() for path in sorted(root.rglob("*.bdf"))] == [
        "sub-01/emg/sub-01_task-movements_run-01_emg.bdf",
        "sub-01/emg/sub-01_task-movements_run-02_emg.bdf",
        "sub-01/ses-evening/emg/sub-01_ses-evening_task-movements_run-01_emg.bdf",
        "sub-02/emg/sub-02_task-movements_run-01_emg.bdf",
    ]
    assert (root / "participants.tsv").read_text() == "participant_id\nsub-01\nsub-02\n"
    folder = Folder(root)
    assert [folder.next_repetition(subject) for subject in (1, 2, 3)] == [4, 2, 1]
    assert folder.last_movements(3) == ["fist", "rest"]


def test_tables_and_texts_of_others_are_kept(tmp_path):
    root = tmp_path / "theirs"
    root.mkdir()
    (root / DESCRIPTION).write_text('{"Name": "Ours", "BIDSVersion": "1.10.0"}')
    (root / "README").write_text("about us")
    (root / "participants.tsv").write_text("participant_id\tage\nsub-07\t31\n")
    recorded(root)
    assert json.loads((root / DESCRIPTION).read_text())["Name"] == "Ours"
    assert (root / "README").read_text() == "about us"
    assert (root / "participants.tsv").read_text() == "participant_id\tage\nsub-07\t31\nsub-01\tn/a\n"


def test_a_run_of_the_same_name_is_not_touched(tmp_path):
    folder = tmp_path / "new/sub-01/emg"
    recorded(tmp_path / "new")
    (folder / "sub-01_task-movements_run-02_channels.tsv").write_text("kept")
    assert recorded(tmp_path / "new").path.name == "sub-01_task-movements_run-03_emg.bdf"
    assert (folder / "sub-01_task-movements_run-02_channels.tsv").read_text() == "kept"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"thesis.tex": "x"}, "is not empty, and holds no recordings"),
        ({DESCRIPTION: "{}"}, "is not of a BIDS dataset"),
        ({DESCRIPTION: "{"}, "dataset_description.json cannot be read"),
    ],
)
def test_a_folder_with_something_else_is_refused(tmp_path, files, message):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=message):
        Folder(tmp_path)
    assert names(tmp_path) == list(files)


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "a").write_text("")
    with pytest.raises(DataError, match="is a file: give a folder"):
        Folder(tmp_path / "a")


def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "a").write_text("")
    with pytest.raises(StorageError, match="a/b.* cannot be written .*Not a directory"):
        Folder(tmp_path / "a/b").create()


@pytest.mark.parametrize(
    ("rate_hz", "labels", "message"),
    [
        (500.0, ["a", "flexor carpi rad"], "recordings of 2 channels at 250 Hz .* gives 2 at 500 Hz"),
        (250.0, ["a"], r"2 channels at 250 Hz \(a, flexor carpi rad\), the source gives 1 at 250 Hz \(a\)"),
    ],
)
def test_a_source_that_does_not_fit_the_earlier_recordings_is_refused(tmp_path, rate_hz, labels, message):
    recorded(tmp_path / "new")
    with pytest.raises(DataError, match=message):
        Folder(tmp_path / "new").check_stream(rate_hz=rate_hz, labels=labels)
    Folder(tmp_path / "new").check_stream(rate_hz=250.001, labels=["a", "flexor carpi rad"])


@pytest.mark.parametrize(("arguments", "message"), [((0,), "--subject=0"), ((1, "a-b"), "--session=a-b: only letters")])
def test_people_that_cannot_be_named_are_refused(arguments, message):
    with pytest.raises(ConfigError, match=message):
        Person(*arguments)


def validated(root):
    """Returns the errors that the validator of BIDS finds."""
    program = shutil.which("bids-validator-deno", path=f"{Path(sys.executable).parent}")
    if program is None:
        pytest.skip("bids-validator-deno is not installed: pip install -e '.[dev]'")
    done = subprocess.run([program, "--format", "json", str(root)], capture_output=True, text=True, timeout=300)
    result = json.loads(done.stdout)
    assert result["summary"]["modalities"] == ["emg"]  # it has found the recordings
    return [issue for issue in result["issues"]["issues"] if issue["severity"] == "error"]


def test_the_validator_finds_no_error(tmp_path):
    root = tmp_path / "new"
    check = {"a": {"name": "a", "rest": 1.0, "contraction": 9.0, "hum_share": 0.1, "fault": "weak"}}
    setup = Setup(movements=["fist", "rest"], unit="uV", physical_max=400.0, mains_hz=60, placement="ring", check=check)
    recorded(root, trials=[trial("fist", 1, 1.0, 1.5, "repeated"), trial("fist", 1, 3.0, 5.0)], seconds=9.9)
    recorded(root, Person(2, "a"), setup=setup)
    unit_not_known = StreamInfo(name="lines", rate_hz=1259.26, channel_names=("1", "2"))
    recorded(root, Person(3), info=unit_not_known, setup=Setup(movements=["a"], unit="", physical_max=1, mains_hz=50))
    not_closed = RunWriter(Folder(root), Person(4), INFO, SETUP)
    for samples in noise(10.0):
        not_closed.take(samples)
    assert validated(root) == []
    not_closed.close()


def test_names_and_units_of_any_device_are_written(tmp_path):
    info = StreamInfo(name="a\tb\nc", rate_hz=250.0, channel_names=("left\thand", "Ω"), unit="µ\tΩ")
    writer = recorded(
        tmp_path / "new", info=info, setup=Setup(movements=["a"], unit=info.unit, physical_max=1e3, mains_hz=50)
    )
    rows = table(next((tmp_path / "new").rglob("*_channels.tsv")))
    assert [(row["name"], row["units"], row["description"]) for row in rows] == [
        ("lefthand", "µ?Ω", "left?hand"),
        ("channel 2", "µ?Ω", "Ω"),
    ]
    edfio = pytest.importorskip("edfio", reason="edfio is not installed: pip install -e '.[dev]'")
    assert edfio.read_bdf(writer.path).labels == ("lefthand", "channel 2")
    assert validated(tmp_path / "new") == []


def test_the_validator_would_find_an_error(tmp_path):
    recorded(tmp_path / "new")
    next((tmp_path / "new").rglob("*_emg.json")).write_text("{}")
    assert validated(tmp_path / "new")


def test_mne_bids_reads_a_recording_with_its_events(tmp_path):
    mne_bids = pytest.importorskip("mne_bids", reason="mne-bids is not installed: pip install -e '.[dev]'")
    writer = recorded(tmp_path / "new", Person(1, "a"), trials=[trial("fist", 1, 1.0, 3.0), trial("rest", 1, 4.0, 6.5)])
    path = mne_bids.BIDSPath(
        root=tmp_path / "new", subject="01", session="a", task="movements", run="01", datatype="emg", suffix="emg"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        raw = mne_bids.read_raw_bids(path, verbose="error")
    assert raw.get_channel_types() == ["emg", "emg"]
    assert raw.ch_names == ["a", "flexor carpi rad"]
    assert raw.info["sfreq"] == 250
    assert list(raw.annotations.description) == ["fist", "rest"]
    assert list(raw.annotations.onset) == [1.0, 4.0]
    assert list(raw.annotations.duration) == [2.0, 2.5]
    assert raw.n_times == writer.samples
