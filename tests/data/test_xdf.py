"""XDF files of the LabRecorder, written chunk by chunk to the specification."""

import numpy as np
import pytest

pytest.importorskip("pyxdf")
from xdf_files import stream_header, write_xdf

from finjax.data.loading import load_recordings
from finjax.data.registry import Filter, get_spec
from finjax.data.source import spec_of  # noqa: F401  (it registers the datasets)
from finjax.data.xdf_streams import load_streams
from finjax.errors import DataError

RATE_HZ = 500.0
START_S = 1234.5  # of the stream, on the clock of the recorder


def session(*, seconds=20, repetitions=4):
    """Samples, their times, and markers: each repetition has fist, open and rest."""
    count = round(seconds * RATE_HZ)
    signal = np.random.default_rng(0).normal(size=(count, 3)).astype(np.float32)
    times = START_S + np.arange(count) / RATE_HZ
    markers = []
    for repetition in range(repetitions):
        begin = START_S + 1 + 4 * repetition
        markers += [(begin, "fist"), (begin + 1, "open"), (begin + 2.5, "rest")]
    return {"signal": signal, "times": times, "markers": markers, "rate_hz": RATE_HZ}


def load(folder, **options):
    spec = get_spec("xdf", folder)
    return load_recordings(spec, folder, filter=Filter(), cache_dir=folder / "cache", progress=False, **options)


def refuses(folder, message):
    with pytest.raises(DataError, match=message):
        load(folder)


def test_samples_and_labels_are_those_that_were_written(tmp_path):
    fields = session()
    write_xdf(tmp_path / "sub-P03" / "sub-P03_ses-1_task-grip_run-001_eeg.xdf", **fields)
    (recording,) = load(tmp_path)
    assert (recording.subject, recording.rate_hz) == (3, RATE_HZ)
    assert recording.channel_names == ("e0", "e1", "e2") and recording.movement_names == ("fist", "open")
    np.testing.assert_array_equal(recording.signal, fields["signal"])
    expected = []
    for repetition in range(4):
        begin = 500 + 2000 * repetition
        expected += [[begin, begin + 500, 0, repetition + 1], [begin + 500, begin + 1250, 1, repetition + 1]]
    np.testing.assert_allclose(recording.segments(), expected, atol=1)  # a time stamp is exact to half a sample


def test_the_markers_of_a_file_are_read_once_until_it_changes(tmp_path, monkeypatch):
    loaded = []

    def counted(path, numbers):
        loaded.append(path.name)
        return load_streams(path, numbers)

    monkeypatch.setattr("finjax.data.xdf.load_streams", counted)
    write_xdf(tmp_path / "one.xdf", **session())
    assert load(tmp_path)[0].repetition.max() == 4
    assert loaded == ["one.xdf"] * 2  # the markers, and the samples
    write_xdf(tmp_path / "one.xdf", **session(repetitions=3))
    assert load(tmp_path)[0].repetition.max() == 3
    assert len(loaded) == 4


def test_the_last_movement_without_an_end_lasts_until_the_end(tmp_path):
    fields = session(repetitions=2)
    fields["markers"] = [*fields["markers"], (START_S + 10, "fist")]
    write_xdf(tmp_path / "one.xdf", **fields)
    assert load(tmp_path)[0].segments()[-1, 1] == len(fields["signal"])


def test_each_file_without_a_subject_in_its_name_is_a_person(tmp_path):
    for name in ("recording.xdf", "anna/recording.xdf", "bo/recording.xdf"):
        write_xdf(tmp_path / name, **session(seconds=10, repetitions=2))
    assert len({recording.subject for recording in load(tmp_path)}) == 3


def test_a_folder_can_name_the_person_of_its_files(tmp_path):
    for name in ("sub-4/a.xdf", "sub-4/ses-2/a.xdf", "sub-P05/a.xdf"):
        write_xdf(tmp_path / "sub-9" / name, **session(seconds=10, repetitions=2))  # sub-9 is above the folder
    assert [(one.subject, len(one.piece_starts)) for one in load(tmp_path / "sub-9")] == [(4, 2), (5, 1)]


def test_files_of_one_person_are_numbered_on(tmp_path):
    for run in (1, 2):
        write_xdf(tmp_path / f"sub-1_run-{run}.xdf", **session(seconds=10, repetitions=2))
    (recording,) = load(tmp_path)
    fists = recording.segments()[recording.segments()[:, 2] == 0]
    assert fists[:, 3].tolist() == [1, 2, 3, 4] and len(recording.piece_starts) == 2


def test_a_gap_in_the_stream_begins_a_new_piece(tmp_path):
    fields = session()
    fields["times"] = fields["times"] + np.where(np.arange(len(fields["times"])) >= 4000, 3.0, 0.0)
    fields["markers"] = [(time_s + 3 * (time_s > START_S + 8), text) for time_s, text in fields["markers"]]
    write_xdf(tmp_path / "one.xdf", **fields)
    (recording,) = load(tmp_path)
    assert recording.piece_starts == (0, 4000)
    assert recording.segments()[:, 2:].tolist() == [[m, r] for r in range(1, 5) for m in (0, 1)]
    assert not recording.notes


def test_only_channels_of_type_emg_count_where_types_are_given(tmp_path):
    write_xdf(tmp_path / "one.xdf", kinds=("EMG", "AUX", "EMG"), units=("uV", "n/a", "microvolts"), **session())
    (recording,) = load(tmp_path)
    assert recording.channel_names == ("e0", "e2") and get_spec("xdf", tmp_path).unit == "uV"
    np.testing.assert_array_equal(recording.signal, session()["signal"][:, [0, 2]])


def test_samples_of_16_bits_are_read(tmp_path):
    fields = session()
    fields["signal"] = (1000 * fields["signal"]).astype(np.int16)
    write_xdf(tmp_path / "one.xdf", format="int16", **fields)
    np.testing.assert_array_equal(load(tmp_path)[0].signal, fields["signal"])


def test_a_file_that_was_cut_off_is_read_up_to_its_last_whole_chunk(tmp_path):
    fields = session()
    path = write_xdf(tmp_path / "one.xdf", **fields)
    sample = 1 + 8 + 3 * 4  # bytes: of a time stamp and three values
    path.write_bytes(path.read_bytes()[: -1400 * sample])
    (recording,) = load(tmp_path)
    whole = len(fields["signal"]) - 1500  # chunks have 500 samples: the third from the end is incomplete
    np.testing.assert_array_equal(recording.signal, fields["signal"][:whole])
    assert any("damaged or missing" in note for note in recording.notes)


def test_no_emg_and_no_markers_are_refused(tmp_path):
    write_xdf(tmp_path / "one.xdf", **{**session(), "rate_hz": 0})
    refuses(tmp_path, "must have one stream of type EMG .* it has 'keys' of type Markers, 'armband' of type EMG")
    second = stream_header(3, name="other", kind="EMG", format="float32", rate_hz=100, channels=["x"])
    write_xdf(tmp_path / "one.xdf", emg=[second], **session())
    refuses(tmp_path, "must have one stream of type EMG .*'other' of type EMG")
    write_xdf(tmp_path / "one.xdf", **{**session(), "markers": []})
    refuses(tmp_path, "no movement is labelled")


def test_the_only_signal_is_taken_whatever_its_type(tmp_path):
    write_xdf(tmp_path / "one.xdf", kind="EEG", **session())
    assert len(load(tmp_path)) == 1


def test_other_rates_are_refused(tmp_path):
    write_xdf(tmp_path / "a.xdf", **session())
    write_xdf(tmp_path / "b.xdf", **{**session(), "rate_hz": 1000.0})
    refuses(tmp_path, "a.xdf and .*b.xdf cannot be read together: the first has 500 Hz, the second 1000 Hz")


def test_time_stamps_of_another_rate_are_noted(tmp_path):
    fields = session()
    fields["times"] = START_S + 1.05 * (fields["times"] - START_S)
    write_xdf(tmp_path / "one.xdf", **fields)
    assert any("has 500 Hz by its header, but 476" in note for note in load(tmp_path)[0].notes)


@pytest.mark.parametrize("content", [b"", b"XDF", b"<html>", b"XDF:" + bytes(100), b"XDF:\x01\x09\x02\x00abcd<info"])
def test_damaged_files_are_refused(tmp_path, content):
    (tmp_path / "one.xdf").write_bytes(content)
    refuses(tmp_path, r"one\.xdf")
