"""Loading recordings: pieces, checks, filters, the cache, and subjects that cannot be read."""

import dataclasses
import functools

import numpy as np
import pytest
from toy_dataset import TOY, make_piece, write_toy

from finjax.data import loading, ninapro  # noqa: F401  (which registers its datasets)
from finjax.data.number_lists import parse_numbers
from finjax.data.registry import Filter, get_spec
from finjax.errors import DataError


def with_pieces(*pieces):
    return dataclasses.replace(TOY, read=lambda paths: iter(pieces))


@pytest.fixture
def folder(tmp_path):
    return write_toy(tmp_path / "data")


@pytest.fixture
def load(tmp_path, folder):
    return functools.partial(loading.load_recordings, TOY, folder, cache_dir=tmp_path / "cache", progress=False)


def test_pieces_are_joined_and_cut_where_they_meet(folder):
    spec = with_pieces(make_piece(30), make_piece(20, value=2.0), make_piece(50, movement=1))
    recording = loading.read_recording(spec, 7, (folder / "s1.txt",))
    assert recording.subject == 7 and recording.dataset == "toy" and recording.signal.dtype == np.float32
    assert recording.piece_starts == (0, 30, 50)
    assert recording.segments().tolist() == [[0, 30, 0, 1], [30, 50, 0, 1], [50, 100, 1, 1]]
    np.testing.assert_array_equal(recording.signal[[29, 30, 49, 50], 0], [1, 2, 2, 1])


def test_each_piece_is_filtered_on_its_own(folder):
    # A step between pieces would ring through a filter that ran over both; constants become zero.
    spec = with_pieces(make_piece(30, value=1.0), make_piece(30, value=1000.0))
    recording = loading.read_recording(spec, 1, (folder / "s1.txt",), filter=Filter(highpass_hz=10))
    assert np.abs(recording.signal).max() < 1e-3
    unfiltered = dataclasses.replace(spec, filter=Filter(highpass_hz=10))
    assert np.abs(loading.read_recording(unfiltered, 1, (folder / "s1.txt",)).signal).max() < 1e-3
    off = loading.read_recording(unfiltered, 1, (folder / "s1.txt",), filter=Filter())
    assert off.signal.max() == 1000


def bad_piece(**changes):
    return dataclasses.replace(make_piece(), **changes)


NOT_FINITE = np.ones((100, 2))
NOT_FINITE[40, 1] = np.nan


@pytest.mark.parametrize(
    ("piece", "message"),
    [
        (bad_piece(signal=np.ones((100, 3))), r"must be \[samples, 2 channels\], not \[100, 3\]"),
        (bad_piece(signal=np.ones(100)), r"2 channels\], not \[100\]"),
        (bad_piece(signal=np.ones((0, 2))), r"2 channels\], not \[0, 2\]"),
        (bad_piece(movement=np.zeros(99, int)), "movement must have one integer for each of the 100 samples"),
        (bad_piece(repetition=np.zeros(100)), "repetition must have one integer .* not float64"),
        (bad_piece(signal=NOT_FINITE), "not finite, first at sample 40 of channel 2"),
        (bad_piece(signal=np.full((100, 2), 1e300)), "not finite, first at sample 0 of channel 1"),
        (bad_piece(signal=np.ones((100, 2), complex)), "the signal must be real numbers, not complex128"),
        (bad_piece(signal=np.full((100, 2), None)), "the signal must be real numbers, not object"),
        (bad_piece(movement=np.full(100, 2)), "movement indices are 2 to 2"),
        (bad_piece(movement=np.full(100, -2)), "movement indices are -2 to -2; allowed are -1 to 1"),
        (bad_piece(movement=np.full(100, 2**16 + 1)), "movement indices are 65537 to 65537; allowed are -1 to 1"),
        (bad_piece(repetition=np.full(100, 2**16 + 1)), "repetitions are 65537 to 65537"),
    ],
)
def test_refuses_a_piece_that_does_not_fit(folder, piece, message):
    with pytest.raises(DataError, match=message):
        loading.read_recording(with_pieces(piece), 1, (folder / "s1.txt",))


def test_message_names_file_and_piece(folder):
    spec = with_pieces(make_piece(), make_piece(10))
    with pytest.raises(DataError, match=r"s1\.txt, piece 2 of 2: 10 samples are too few to filter"):
        loading.read_recording(spec, 1, (folder / "s1.txt",), filter=Filter(lowpass_hz=10))
    with pytest.raises(DataError, match=r"s1\.txt: it has no signal"):
        loading.read_recording(with_pieces(), 1, (folder / "s1.txt",))


def test_loads_all_subjects_in_order_memory_mapped(load):
    recordings = load()
    assert [recording.subject for recording in recordings] == [1, 2, 3, 5, 10]
    assert [recording.signal[0, 0] for recording in recordings] == [1, 2, 3, 5, 10]
    assert all(isinstance(recording.signal, np.memmap) for recording in recordings)


def test_loads_the_requested_subjects(load):
    assert [recording.subject for recording in load(subjects=iter([5, 2, 5]))] == [2, 5]


def test_filter_replaces_the_default_in_the_cache_too(load):
    assert load(subjects=[2])[0].signal.max() == 2
    assert np.abs(load(subjects=[2], filter=Filter(highpass_hz=10))[0].signal).max() < 1e-3
    assert load(subjects=[2])[0].signal.max() == 2


def test_requested_subjects_that_are_absent_are_named(load):
    with pytest.raises(DataError, match=r"no subject 4,7-8; requested: 3-4,7-8, found: 1-3,5,10"):
        load(subjects=[3, 4, 7, 8])


def test_bad_subjects_are_all_named_with_the_remedy(load, folder):
    (folder / "s3.txt").write_text("spam")
    (folder / "s10.txt").write_text("eggs")
    with pytest.raises(DataError) as caught:
        load()
    lines = str(caught.value).splitlines()
    assert lines[0] == "2 of 5 subjects of toy cannot be read:"
    assert lines[1] == f"  subject 3: {folder}/s3.txt: 'spam' is not a number"
    assert lines[2] == f"  subject 10: {folder}/s10.txt: 'eggs' is not a number"
    assert lines[3].endswith("--config.data.subjects=1-2,5")
    assert [recording.subject for recording in load(subjects=parse_numbers("1-2,5"))] == [1, 2, 5]


def test_without_a_readable_subject_no_exclusion_is_suggested(load, folder):
    (folder / "s3.txt").write_text("spam")
    with pytest.raises(DataError, match="No subject can be read") as caught:
        load(subjects=[3])
    assert "--config.data.subjects=" not in str(caught.value)


def test_file_that_cannot_be_opened_is_a_bad_subject(folder, tmp_path):
    def read(paths):
        raise PermissionError(13, "Permission denied", str(paths[0]))

    spec = dataclasses.replace(TOY, read=read)
    recordings, bad = loading.try_recordings(spec, folder, subjects=[2], cache_dir=tmp_path, progress=False)
    assert recordings == [] and list(bad) == [2] and "Permission denied" in bad[2] and "s2.txt" in bad[2]


def test_an_error_inside_a_reader_names_the_file(tmp_path):
    def read(paths):
        yield {}["emg"]

    spec = dataclasses.replace(get_spec("ninapro_db2"), read=read)
    path = tmp_path / "S1_E1_A1.mat"
    path.touch()
    with pytest.raises(DataError, match=r"S1_E1_A1\.mat: the reader of ninapro_db2 failed \(KeyError: 'emg'\)"):
        loading.read_recording(spec, 1, (path,))


def test_a_bad_filter_is_refused_before_any_file_is_read(tmp_path):
    with pytest.raises(DataError, match="filter highpass_hz=2000") as caught:
        loading.load_recordings(get_spec("ninapro_db2"), tmp_path, filter=Filter(highpass_hz=2000.0))
    assert "Repair these files" not in str(caught.value)
