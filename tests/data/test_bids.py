"""BIDS folders with EMG: files written by edfio or MNE, values compared with MNE's own reading."""

import json
import shutil

import numpy as np
import pytest

pytest.importorskip("edfio")
from bids_folder import CHANNELS, HOLD_S, MOVEMENTS, PAUSE_S, RATE_HZ, emg, sidecar, trials, write_run, write_table

from finjax.data.loading import load_recordings
from finjax.data.recording import UNLABELLED
from finjax.data.registry import Filter, get_spec
from finjax.data.source import spec_of  # noqa: F401  (it registers the datasets)
from finjax.errors import DataError


def load(folder, **options):
    spec = get_spec("bids", folder)
    return load_recordings(
        spec, folder, filter=Filter(), cache_dir=folder / "cache", progress=False, **options
    )  # unfiltered


def refuses(folder, message):
    with pytest.raises(DataError, match=message) as caught:
        load(folder)
    return str(caught.value)


def test_rate_channels_and_movements_come_from_the_folder(tmp_path):
    write_run(tmp_path)
    spec = get_spec("bids", tmp_path)
    assert (spec.rate_hz, spec.channel_names, spec.movement_names) == (RATE_HZ, CHANNELS, MOVEMENTS)
    assert (spec.splits.train_repetitions, spec.splits.test_repetitions) == ("1-3", "4")
    assert spec.splits.seen_subjects == "1" and spec.unit == "uV"


def test_samples_are_those_that_mne_reads(tmp_path):
    mne = pytest.importorskip("mne")
    path = write_run(tmp_path)
    (recording,) = load(tmp_path)
    raw = mne.io.read_raw_bdf(path, verbose="error")
    np.testing.assert_allclose(recording.signal, 1e6 * raw.get_data().T, atol=1e-3)
    assert tuple(raw.ch_names) == recording.channel_names and raw.info["sfreq"] == recording.rate_hz
    assert raw.get_data().std() > 0


def test_labels_are_those_of_the_table(tmp_path):
    rows = trials(repetitions=(1, 2))
    write_run(tmp_path, rows=rows)
    (recording,) = load(tmp_path)
    expected = []
    for place, row in enumerate(rows):
        start = round(1000 * (PAUSE_S + place * (HOLD_S + PAUSE_S)))
        expected.append([start, start + 1000, MOVEMENTS.index(row["trial_type"]), int(row["repetition"])])
    assert recording.segments().tolist() == expected


def test_files_that_mne_exports_with_annotations_alone_are_read(tmp_path):
    mne = pytest.importorskip("mne")
    data = 1e-6 * emg(trials(), channels=2).T
    raw = mne.io.RawArray(data, mne.create_info(["left", "right"], RATE_HZ, "emg"), verbose="error")
    raw.set_annotations(
        mne.Annotations([0.5, 2.0, 3.5, 5.0, 6.5], [1.0, 1.0, 1.0, 1.0, 0.5], ["fist", "open", "fist", "open", "BAD_x"])
    )
    folder = tmp_path / "sub-7" / "emg"
    folder.mkdir(parents=True)
    mne.export.export_raw(folder / "sub-7_task-grip_emg.edf", raw, verbose="error")
    (recording,) = load(tmp_path)
    assert recording.subject == 7 and recording.channel_names == ("left", "right")
    assert recording.movement_names == ("fist", "open")
    assert recording.segments()[:, 2:].tolist() == [[0, 1], [1, 1], [0, 2], [1, 2]]
    assert recording.segments()[:, 0].tolist() == [500, 2000, 3500, 5000]
    step = 1e6 * np.ptp(data) / 2**16  # uV: the file has 16 bits
    np.testing.assert_allclose(recording.signal[: data.shape[1]], 1e6 * data.T, atol=step)


def test_runs_and_sessions_of_a_person_are_pieces_whose_repetitions_are_numbered_on(tmp_path):
    counted = [{**row, "repetition": "n/a"} for row in trials(repetitions=(1, 2))]
    write_run(tmp_path, session="A", run=10, rows=counted)
    write_run(tmp_path, session="A", run=2, rows=counted)
    write_run(tmp_path, session="B", run=1, rows=trials(repetitions=(5, 6)))
    write_run(tmp_path, session="C", run=1, rows=trials(repetitions=(1,)))  # begins at 1 again
    (recording,) = load(tmp_path)
    assert len(recording.piece_starts) == 4
    assert sorted(set(recording.segments()[:, 3].tolist())) == [1, 2, 3, 4, 5, 6, 7]
    fists = recording.segments()[recording.segments()[:, 2] == 0]
    assert fists[:, 3].tolist() == [1, 2, 3, 4, 5, 6, 7]


def test_only_good_movements_and_good_samples_have_labels(tmp_path):
    rows = trials(repetitions=(1, 2))
    rows[0]["status"], rows[4]["status"] = "skipped", "repeated"
    rows.append({"onset": "2.2", "duration": "0.3", "trial_type": "bad_contact", "repetition": "n/a", "status": "good"})
    write_run(tmp_path, rows=rows, annotations=[(3.6, 0.2, "BAD electrode")])
    (recording,) = load(tmp_path)
    assert recording.segments()[:, :2].tolist() == [
        [2000, 2200],
        [2500, 3000],  # open, without the bad contact
        [3500, 3600],
        [3800, 4500],  # rest, without what the annotation marks
        [5000, 6000],
        [8000, 9000],
    ]
    assert (recording.movement[2200:2500] == UNLABELLED).all()


def test_only_good_channels_of_type_emg_count(tmp_path):
    table = [
        {"name": "flexor", "type": "EMG", "units": "uV", "status": "good"},
        {"name": "extensor", "type": "EMG", "units": "uV", "status": "bad"},
        {"name": "thumb", "type": "TRIG", "units": "n/a", "status": "good"},
    ]
    write_run(tmp_path, table=table)
    (recording,) = load(tmp_path)
    assert recording.channel_names == ("flexor",) and recording.signal.shape[1] == 1


@pytest.mark.parametrize(("unit", "factor"), [("V", 1e-6), ("mV", 1e-3)])
def test_other_units_are_converted_to_the_first(tmp_path, unit, factor):
    write_run(tmp_path, subject="01")
    write_run(tmp_path, subject="02", signal=emg(trials()) * factor, unit=unit)
    one, two = load(tmp_path)
    np.testing.assert_allclose(one.signal, two.signal, atol=2e-2)
    assert one.signal.std() > 1


def test_channels_in_another_order_are_sorted_like_the_first(tmp_path):
    signal = emg(trials())
    write_run(tmp_path, subject="01", signal=signal)
    write_run(tmp_path, subject="02", signal=signal[:, ::-1], channels=CHANNELS[::-1])
    one, two = load(tmp_path)
    np.testing.assert_array_equal(one.signal, two.signal)


def test_channels_of_one_name_cannot_be_told_apart(tmp_path):
    names = ("Flexor digitorum left", "Flexor digitorum right")
    table = [{"name": name, "type": "EMG", "units": "uV", "status": "good"} for name in names]
    signal = emg(trials(), channels=2)
    message = r"several channels have the name Flexor digitorum.* so they cannot be told apart"
    path = write_run(tmp_path, channels=("Flexor digitorum", "Flexor digitorum"), signal=signal, table=table)
    refuses(tmp_path, message)
    write_table(sidecar(path, "channels.tsv"), table[:1])  # which of the two is it?
    refuses(tmp_path, message)
    sidecar(path, "channels.tsv").unlink()
    refuses(tmp_path, message)
    write_run(tmp_path, channels=("Flexor digitorum", "other"), signal=signal, table=table)  # two names, one channel
    refuses(tmp_path, message)
    write_table(sidecar(path, "channels.tsv"), [table[0], table[0]])
    refuses(tmp_path, "has several rows for Flexor digitorum left: each channel needs a name of its own")


def test_a_run_with_another_rate_is_labelled_by_its_own(tmp_path):
    rows = [{**row, "onset": f"{400 + float(row['onset']):g}"} for row in trials()]
    write_run(tmp_path, run=1, rows=trials())
    path = write_run(tmp_path, run=2, rows=rows)
    sidecar(path, "emg.json").write_text(json.dumps({"SamplingFrequency": 1000.5}))  # differs by less than a thousandth
    (recording,) = load(tmp_path)
    second = recording.segments()[recording.segments()[:, 0] >= recording.piece_starts[1]]
    assert second[0, 0] - recording.piece_starts[1] == round(400.5 * 1000.5)  # 200 later than by the first run's rate


def test_a_stretch_of_bad_samples_hides_no_markers(tmp_path):
    markers = [(0.5, "fist"), (2.0, "open"), (3.5, "rest"), (4.0, "fist"), (5.5, "open"), (7.0, "rest")]
    rows = [{"onset": f"{onset:g}", "duration": "n/a", "trial_type": name} for onset, name in markers]
    rows.append({"onset": "1", "duration": "0.2", "trial_type": "bad"})
    write_run(tmp_path, rows=rows, signal=emg(trials()))
    (recording,) = load(tmp_path)
    assert recording.segments().tolist() == [
        [500, 1000, 0, 1],
        [1200, 2000, 0, 1],
        [2000, 3500, 1, 1],
        [4000, 5500, 0, 2],
        [5500, 7000, 1, 2],
    ]


def test_a_file_that_was_cut_off_is_read_up_to_its_last_record(tmp_path):
    path = write_run(tmp_path)
    whole = load(tmp_path)[0].signal
    content = bytearray(path.read_bytes())
    content[236:244] = b"-1      "  # the number of records, while a file is being written
    path.write_bytes(content[: len(content) - 3 * 9 * 1000 - 100])
    (recording,) = load(tmp_path)
    seconds = len(whole) // 1000 - 4
    np.testing.assert_array_equal(recording.signal, whole[: seconds * 1000])
    assert any("it was cut off" in note for note in recording.notes)
    assert any("it ends before" in note and "of its movements" in note for note in recording.notes)


def number_of(folder, subject):
    found = get_spec("bids", folder).find(folder)
    (number,) = (number for number, files in found.items() if files[0].name.startswith(f"sub-{subject}_"))
    return number


def test_the_number_of_a_person_does_not_change_when_others_are_added(tmp_path):
    for name in ("cleo", "7"):
        write_run(tmp_path, subject=name)
    before = {name: number_of(tmp_path, name) for name in ("cleo", "7")}
    for name in ("anna", "P12", "20240105T1"):
        write_run(tmp_path, subject=name)
    assert {name: number_of(tmp_path, name) for name in before} == before
    assert before["7"] == 7 and number_of(tmp_path, "P12") == 12
    (recording,) = load(tmp_path, subjects=(before["cleo"],))
    assert 100_000 <= recording.subject == before["cleo"] < 10**9


def test_two_people_with_one_number_are_refused(tmp_path):
    for name in ("A1", "B1"):
        write_run(tmp_path, subject=name)
    refuses(tmp_path, "A1 and B1 would both be subject 1: rename the files of one of them")


def test_tables_of_folders_above_describe_all_files_below(tmp_path):
    path = write_run(tmp_path)
    shutil.move(sidecar(path, "channels.tsv"), tmp_path / "task-movements_channels.tsv")
    shutil.move(sidecar(path, "emg.json"), tmp_path / "task-movements_emg.json")
    shutil.copy(tmp_path / "task-movements_channels.tsv", tmp_path / "task-other_channels.tsv")
    assert get_spec("bids", tmp_path).channel_names == CHANNELS
    assert tmp_path / "task-movements_channels.tsv" in get_spec("bids", tmp_path).find(tmp_path)[1]
    assert tmp_path / "task-other_channels.tsv" not in get_spec("bids", tmp_path).find(tmp_path)[1]


def test_a_changed_table_takes_effect_at_once(tmp_path):
    path = write_run(tmp_path, rows=trials(repetitions=(1, 2)))
    assert len(load(tmp_path)[0].segments()) == 6
    rows = trials(repetitions=(1, 2))
    rows[5]["status"] = "skipped"
    write_table(sidecar(path, "events.tsv"), rows)
    assert len(load(tmp_path)[0].segments()) == 5


def test_derived_files_are_left_out(tmp_path):
    write_run(tmp_path)
    write_run(tmp_path / "derivatives" / "clean", rate_hz=500.0)
    assert get_spec("bids", tmp_path).rate_hz == RATE_HZ
    assert get_spec("bids", tmp_path / "derivatives" / "clean").rate_hz == 500.0


def test_another_rate_is_refused(tmp_path):
    write_run(tmp_path, subject="01")
    path = write_run(tmp_path, subject="02", rate_hz=500.0)
    assert str(path) in refuses(tmp_path, "cannot be read together: the first has 1000 Hz, the second 500 Hz")


def test_other_channels_are_refused(tmp_path):
    write_run(tmp_path, subject="01")
    write_run(tmp_path, subject="02", channels=("flexor", "biceps"))
    refuses(tmp_path, "the first has 3 channels, with extensor, thumb, the second 2, with biceps")


def test_other_movements_are_refused(tmp_path):
    write_run(tmp_path, run=1)
    write_run(tmp_path, run=2, rows=trials(movements=("fist", "opened")))
    refuses(tmp_path, "the first has movements fist, open, rest, the second also opened")


def test_a_run_may_lack_movements_but_a_person_may_not(tmp_path):
    write_run(tmp_path, run=1)
    write_run(tmp_path, run=2, rows=trials(repetitions=(5,))[:2])
    assert len(load(tmp_path)[0].segments()) == 14
    write_run(tmp_path, subject="02", rows=trials(movements=("fist", "rest")))
    refuses(tmp_path, "subject 2 .* has no open, but .*sub-01.* has: all people need the same movements")


def test_a_folder_without_labels_is_refused(tmp_path):
    write_run(tmp_path, events=False)
    refuses(tmp_path, "no movement is labelled.*events.tsv, or as annotations")


def test_a_folder_without_emg_channels_is_refused(tmp_path):
    write_run(tmp_path, table=[{"name": name, "type": "EEG"} for name in CHANNELS])
    refuses(tmp_path, r"channels.tsv has no usable channel of type EMG \(it has types EEG\)")


def test_units_that_cannot_be_converted_are_refused(tmp_path):
    write_run(tmp_path, subject="01")
    write_run(tmp_path, subject="02", unit="counts")
    refuses(tmp_path, "the first has units uV, the second counts")


def test_a_rate_that_the_samples_do_not_have_is_refused(tmp_path):
    path = write_run(tmp_path)
    sidecar(path, "emg.json").write_text(json.dumps({"SamplingFrequency": 2000}))
    refuses(tmp_path, "channel flexor has 1000 Hz, but 2000 Hz are described: correct SamplingFrequency")


def test_a_channel_that_the_file_lacks_is_refused(tmp_path):
    path = write_run(tmp_path)
    rows = [{"name": name, "type": "EMG"} for name in (*CHANNELS[:2], "wrist")]
    write_table(sidecar(path, "channels.tsv"), rows)
    refuses(tmp_path, "has no channel wrist; it has flexor, extensor, thumb: correct the names")


@pytest.mark.parametrize(
    ("ending", "content", "message"),
    [
        ("events.tsv", "onset\tduration\n1\t2\n", "needs the columns onset and trial_type"),
        ("events.tsv", "onset\tduration\ttrial_type\n1\t2\n", "row 2: it has 2 columns, but the first row 3"),
        ("events.tsv", "onset\tduration\ttrial_type\nsoon\t2\tfist\n", "row 2, onset: 'soon' is not a number"),
        ("events.tsv", "", "is not a table"),
        ("channels.tsv", "name\tunits\nflexor\tuV\n", "needs the columns name and type"),
        ("emg.json", "{", "is not JSON"),
        ("emg.json", "[]", "holds no fields"),
    ],
)
def test_a_table_that_cannot_be_read_is_named(tmp_path, ending, content, message):
    path = write_run(tmp_path)
    sidecar(path, ending).write_text(content)
    assert sidecar(path, ending).name in refuses(tmp_path, message)


def test_a_damaged_file_of_one_person_leaves_the_others_readable(tmp_path):
    for subject in ("01", "02"):
        path = write_run(tmp_path, subject=subject)
    path.write_bytes(b"not an EDF file" * 100)
    refuses(tmp_path, "is damaged or not an EDF file.*\n.*use only the good subjects: --config.data.subjects=1")
    assert len(load(tmp_path, subjects=(1,))) == 1


def test_one_repetition_leaves_none_for_a_test(tmp_path):
    write_run(tmp_path, rows=trials(repetitions=(1,)))
    splits = get_spec("bids", tmp_path).splits
    assert (splits.train_repetitions, splits.test_repetitions) == ("1", "none")


def test_a_folder_is_needed():
    with pytest.raises(DataError, match=r"bids is read from disk: give its folder with --config\.data\.dir"):
        get_spec("bids")
