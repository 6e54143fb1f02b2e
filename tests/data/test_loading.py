import dataclasses
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finjax.data import loading, ninapro  # noqa: F401  (which registers its datasets)
from finjax.data.number_lists import LARGEST_NUMBER, format_numbers, parse_numbers
from finjax.data.registry import DatasetSpec, Filter, Piece, Splits, get_spec
from finjax.errors import DataError


def make_piece(samples=100, value=1.0, movement=0):
    return Piece(
        signal=np.full((samples, 2), value),
        movement=np.full(samples, movement),
        repetition=np.ones(samples, int),
    )


def read_toy(paths):
    """A file's text is the value of its samples."""
    text = paths[0].read_text()
    if not text.isdigit():
        raise DataError(f"{paths[0]}: {text!r} is no number")
    return [make_piece(value=float(text))]


TOY = DatasetSpec(
    name="toy",
    rate_hz=100.0,
    channel_names=("a", "b"),
    movement_names=("x", "y"),
    files=(r"s(\d+)\.txt",),
    read=read_toy,
    splits=Splits(seen_subjects="1", train_repetitions="1", test_repetitions="2"),
)


def with_pieces(*pieces):
    return dataclasses.replace(TOY, read=lambda paths: iter(pieces))


@pytest.fixture
def folder(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    for subject in (1, 2, 3, 5, 10):
        (data / f"s{subject}.txt").write_text(str(subject))
    return data


@pytest.fixture
def load(tmp_path, folder):
    def load(**options):
        return loading.load_recordings(TOY, folder, cache_dir=tmp_path / "cache", progress=False, **options)

    return load


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
        (bad_piece(movement=np.zeros(99, int)), "movement must hold one integer for each of the 100 samples"),
        (bad_piece(repetition=np.zeros(100)), "repetition must hold one integer .* not float64"),
        (bad_piece(signal=NOT_FINITE), "not finite, first at sample 40 of channel 2"),
        (bad_piece(signal=np.full((100, 2), 1e300)), "not finite, first at sample 0 of channel 1"),
        (bad_piece(signal=np.ones((100, 2), complex)), "the signal must be real numbers, not complex128"),
        (bad_piece(signal=np.full((100, 2), None)), "the signal must be real numbers, not object"),
        (bad_piece(movement=np.full(100, 2)), "movement indices span 2 to 2"),
        (bad_piece(movement=np.full(100, -2)), "movement indices span -2 to -2; allowed are -1 to 1"),
        (bad_piece(movement=np.full(100, 2**16 + 1)), "movement indices span 65537 to 65537; allowed are -1 to 1"),
        (bad_piece(repetition=np.full(100, 2**16 + 1)), "repetitions span 65537 to 65537"),
    ],
)
def test_refuses_a_piece_that_does_not_fit(folder, piece, message):
    with pytest.raises(DataError, match=message):
        loading.read_recording(with_pieces(piece), 1, (folder / "s1.txt",))


def test_message_names_file_and_piece(folder):
    spec = with_pieces(make_piece(), make_piece(10))
    with pytest.raises(DataError, match=r"s1\.txt, piece 2 of 2: 10 samples are too few to filter"):
        loading.read_recording(spec, 1, (folder / "s1.txt",), filter=Filter(lowpass_hz=10))
    with pytest.raises(DataError, match=r"s1\.txt: no signal at all"):
        loading.read_recording(with_pieces(), 1, (folder / "s1.txt",))


def test_loads_all_subjects_in_order_memory_mapped(load):
    recordings = load()
    assert [recording.subject for recording in recordings] == [1, 2, 3, 5, 10]
    assert [recording.signal[0, 0] for recording in recordings] == [1, 2, 3, 5, 10]
    assert all(isinstance(recording.signal, np.memmap) for recording in recordings)


def test_loads_the_subjects_asked_for(load):
    assert [recording.subject for recording in load(subjects=iter([5, 2, 5]))] == [2, 5]


def test_filter_replaces_the_default_in_the_cache_too(load):
    assert load(subjects=[2])[0].signal.max() == 2
    assert np.abs(load(subjects=[2], filter=Filter(highpass_hz=10))[0].signal).max() < 1e-3
    assert load(subjects=[2])[0].signal.max() == 2


def test_subjects_that_are_not_there(load):
    with pytest.raises(DataError, match=r"no subject 4,7-8; asked for were 3-4,7-8, found are 1-3,5,10"):
        load(subjects=[3, 4, 7, 8])


def test_bad_subjects_are_all_named_with_the_remedy(load, folder):
    (folder / "s3.txt").write_text("spam")
    (folder / "s10.txt").write_text("eggs")
    with pytest.raises(DataError) as caught:
        load()
    lines = str(caught.value).splitlines()
    assert lines[0] == "2 of 5 subjects of toy cannot be read:"
    assert lines[1] == f"  subject 3: {folder}/s3.txt: 'spam' is no number"
    assert lines[2] == f"  subject 10: {folder}/s10.txt: 'eggs' is no number"
    assert lines[3].endswith("--config.data.subjects=1-2,5")
    assert [recording.subject for recording in load(subjects=parse_numbers("1-2,5"))] == [1, 2, 5]


def test_no_good_subject_leaves_no_remedy_to_exclude(load, folder):
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


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("1-3,5", (1, 2, 3, 5)),
        (" 7 , 2 - 3 ", (2, 3, 7)),
        ("5,1,5,4-6", (1, 4, 5, 6)),
        ("0", (0,)),
        ("", ()),
        ("  ", ()),
    ],
)
def test_parse_numbers(text, numbers):
    assert parse_numbers(text) == numbers


@pytest.mark.parametrize("text", ["a", "1,,2", ",", "1-", "-1", "1-2-3", "1.5", "3-1", "1-100000", "9" * 30, "١"])
def test_parse_numbers_refuses(text):
    with pytest.raises(DataError, match=r"neither a number nor a range|runs backwards|too large"):
        parse_numbers(text)


@pytest.mark.parametrize(
    ("numbers", "text"),
    [([1, 2, 3, 5], "1-3,5"), ([5, 3, 3, 1], "1,3,5"), ([], ""), ([9], "9"), (np.array([2, 3]), "2-3")],
)
def test_format_numbers(numbers, text):
    assert format_numbers(numbers) == text


@given(numbers=st.sets(st.integers(0, 40) | st.integers(0, LARGEST_NUMBER)))
def test_numbers_come_back_from_their_text(numbers):
    assert parse_numbers(format_numbers(numbers)) == tuple(sorted(numbers))


@given(text=st.text(alphabet="0123456789-, x") | st.text(max_size=8))
def test_any_text_is_a_list_of_numbers_or_refused(text):
    try:
        numbers = parse_numbers(text)
    except DataError:
        return
    assert numbers == tuple(sorted(set(numbers))) and all(0 <= number <= LARGEST_NUMBER for number in numbers)
    assert parse_numbers(format_numbers(numbers)) == numbers


def test_a_readers_own_failure_names_the_file(tmp_path):
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
    assert "Mend these files" not in str(caught.value)


def test_folders_behind_links_are_searched_once(tmp_path):
    (tmp_path / "data").mkdir()
    real = tmp_path / "elsewhere"
    real.mkdir()
    (real / "S3_E1_A1.mat").touch()
    (tmp_path / "data" / "link").symlink_to(real)
    (real / "loop").symlink_to(tmp_path / "data")
    found = get_spec("ninapro_db2").find(tmp_path / "data")
    assert {subject: len(paths) for subject, paths in found.items()} == {3: 1}


@pytest.mark.parametrize(
    ("content", "command"),
    [
        ("/annex/objects/MD5E-s1--0.mat\n", "datalad get '"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
    ],
)
def test_pointers_to_content_that_was_not_fetched_are_named_with_the_command(load, folder, content, command):
    (folder / "s3.txt").write_text(content)
    with pytest.raises(DataError, match=f"s3.txt: its content was not fetched yet. Fetch it with: {command}"):
        load()


def test_links_to_nowhere_are_bad_subjects_and_not_absent_ones(load, folder):
    (folder / "s3.txt").unlink()
    (folder / "s3.txt").symlink_to(".git/annex/objects/xx/MD5E-s1--0")
    (folder / "s4.txt").symlink_to("elsewhere.txt")
    (folder / "s7.txt").symlink_to("s7.txt")
    with pytest.raises(DataError) as caught:
        load()
    message = str(caught.value)
    assert message.startswith("3 of 7 subjects of toy cannot be read:")
    assert (
        f"subject 3: {folder}/s3.txt: its content was not fetched yet. Fetch it with: datalad get '{folder}" in message
    )
    assert f"subject 4: {folder}/s4.txt is a link to elsewhere.txt, which is not there: mend the link" in message
    assert f"subject 7: {folder}/s7.txt is a link to s7.txt" in message
    assert message.endswith("--config.data.subjects=1-2,5,10")


def test_a_file_that_another_user_owns_is_named_with_the_remedy(folder, tmp_path):
    def read(paths):
        raise PermissionError(13, "Permission denied", str(paths[0]))

    spec = dataclasses.replace(TOY, read=read)
    _, bad = loading.try_recordings(spec, folder, subjects=[2], cache_dir=tmp_path, progress=False)
    assert bad[2].endswith("s2.txt'. Ask the file's owner for the permission to read it")


def test_folders_that_cannot_be_searched_are_warned_of_once(load, folder, monkeypatch, caplog):
    scandir = os.scandir

    def refuse(place):
        if os.fspath(place).endswith("closed"):  # modes do not stop root, who may run the tests
            raise PermissionError(13, "Permission denied", os.fspath(place))
        return scandir(place)

    (folder / "closed").mkdir()
    (folder / "Participant3").symlink_to("gone")
    (folder / "others").symlink_to("/mnt/gone")
    (folder / "DB 1.5").symlink_to("gone")
    (folder / "README.md").symlink_to("gone")  # a file
    monkeypatch.setattr(os, "scandir", refuse)
    assert len(load()) == len(load()) == 5
    warnings = [record.getMessage() for record in caplog.records]
    assert len(warnings) == 4
    assert warnings[0].startswith(f"{folder}/DB 1.5 is a link to gone, which is not there: fetch or mend it.")
    assert warnings[1].startswith(f"{folder}/Participant3 is a link to gone, which is not there: fetch or mend it.")
    assert warnings[3].startswith(f"{folder}/others is a link to /mnt/gone, which is not there: fetch or mend it.")
    assert warnings[2].startswith(f"{folder}/closed cannot be searched (Permission denied): ask its owner")


def test_where_no_file_is_found_closed_folders_and_other_datasets_are_named(tmp_path, monkeypatch):
    def refuse(place):
        raise PermissionError(13, "Permission denied", os.fspath(place))

    (tmp_path / "S1_A1_E1.mat").touch()
    with pytest.raises(DataError, match="the names of other datasets: use --config.data.name=ninapro_db1"):
        get_spec("ninapro_db2").find(tmp_path)
    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(DataError, match=r"Not searched: .* cannot be searched \(Permission denied\)"):
        get_spec("ninapro_db2").find(tmp_path)


@pytest.mark.parametrize(
    "name", ["a folder with spaces", "Données – データ", os.fsdecode(b"latin-1 \xe9"), "line\nbreak"]
)
def test_odd_names_of_folders(tmp_path, name):
    place = tmp_path / name
    place.mkdir()
    (place / "s4.txt").write_text("4")
    for _ in range(2):  # the second time from the cache
        (recording,) = loading.load_recordings(TOY, tmp_path, cache_dir=place / "cache", progress=False)
        assert recording.subject == 4 and recording.signal.max() == 4
