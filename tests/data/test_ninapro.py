import os
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
from ninapro_files import DB2, SAMPLES, check_equals_original, make_recording, read, refuses, write, zip_up

from finjax.data import loading, ninapro
from finjax.data.registry import get_spec


def test_specs():
    assert [spec.name for spec in ninapro.SPECS] == [
        *("ninapro_db1", "ninapro_db1_b", "ninapro_db1_c"),
        *("ninapro_db2", "ninapro_db2_c", "ninapro_db2_d"),
        *("ninapro_db3", "ninapro_db3_c", "ninapro_db3_d"),
        *("ninapro_db4", "ninapro_db4_b", "ninapro_db4_c"),
        *("ninapro_db5", "ninapro_db5_b", "ninapro_db5_c"),
        *("ninapro_db7", "ninapro_db7_c"),
    ]
    sizes = {spec.name: len(spec.movement_names) for spec in ninapro.SPECS}
    assert (sizes["ninapro_db2"], sizes["ninapro_db2_c"], sizes["ninapro_db2_d"]) == (17, 23, 9)
    assert DB2.movement_names[12] == "wrist flexion" and len(DB2.channel_names) == 12
    assert get_spec("ninapro_db2_c").movement_names[0] == "movement 18"
    assert get_spec("ninapro_db2_d").movement_names[-1] == "movement 49"


def test_written_file_has_the_fields_of_the_real_ones(tmp_path):
    path = write(tmp_path)
    fields = scipy.io.loadmat(path)
    assert fields["emg"].shape == (SAMPLES, 12) and fields["emg"].dtype == np.float32
    for name in ("stimulus", "restimulus", "repetition", "rerepetition"):
        assert fields[name].shape == (SAMPLES, 1)
    assert fields["restimulus"][[0, 200, 800], 0].tolist() == [0, 1, 17]
    assert fields["rerepetition"][[0, 200, 500], 0].tolist() == [0, 1, 2]
    assert fields["subject"] == 1 and fields["exercise"] == 1
    assert [p.name for p in tmp_path.iterdir()] == ["S1_E1_A1.mat"]


def test_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = write(tmp_path)
    before = path.read_bytes()

    def fail(file, *args, **kwargs):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(scipy.io, "savemat", fail)
    with pytest.raises(OSError, match="No space"):
        ninapro.write_mat(make_recording(), path)
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("place", [".", "DB2_s1", "a/b"])
def test_reads_back_what_was_written_wherever_it_lies(tmp_path, place):
    write(tmp_path / place)
    check_equals_original(read(tmp_path))


@pytest.mark.parametrize(
    ("name", "dataset"),
    [
        ("DB2_s1.zip", "ninapro_db2"),
        ("DB3_s1.zip", "ninapro_db3"),
        ("s1_0.zip", "ninapro_db3"),
        ("Subject_1.zip", "ninapro_db7"),
        ("DB7_s1.zip", "ninapro_db7"),
    ],
)
def test_reads_from_an_archive_and_unpacks_nothing(tmp_path, name, dataset):
    content = write(tmp_path / "source").read_bytes()
    folder = tmp_path / "data"
    folder.mkdir()
    members = {
        "DB2_s1/S1_E1_A1.mat": content,
        "DB2_s1/S1_E2_A1.mat": b"another exercise",
        "__MACOSX/DB2_s1/._S1_E1_A1.mat": b"junk",
        "../S11_E1_A1.mat": b"junk",
    }
    zip_up(folder / name, members)
    check_equals_original(read(folder, get_spec(dataset)))
    assert [path.name for path in folder.iterdir()] == [name]


def test_mat_file_comes_before_the_archive(tmp_path):
    write(tmp_path)
    (tmp_path / "DB2_s1.zip").write_bytes(b"not an archive")
    check_equals_original(read(tmp_path))


def test_reads_matlab_7_3(tmp_path):
    fields = scipy.io.loadmat(write(tmp_path / "source"))
    folder = tmp_path / "data"
    folder.mkdir()
    path = folder / "S1_E1_A1.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        for name in ("emg", "restimulus", "rerepetition", "subject", "exercise"):
            file[name] = fields[name].T.astype(np.float64)  # MATLAB's axes are reversed in HDF5
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(512))
    check_equals_original(read(folder))
    path.write_bytes(path.read_bytes()[:-20000])
    refuses(folder, "damaged or incomplete")
    with h5py.File(path, "w") as file:
        file["emg/struct"] = 1
    refuses(folder, "emg is not a numeric array")


def test_refined_labels_come_first_and_pairs_are_never_mixed(tmp_path):
    other = np.zeros((SAMPLES, 1), np.int8)
    other[300:600] = 5
    write(tmp_path, stimulus=other, repetition=(other > 0) * 3)
    check_equals_original(read(tmp_path))
    for lacking in ("restimulus", "rerepetition"):
        write(tmp_path, stimulus=other, repetition=(other > 0) * 3, drop=(lacking,))
        assert read(tmp_path).segments().tolist() == [[300, 600, 4, 3]]


@pytest.mark.parametrize("field", ["emg", "restimulus", "rerepetition"])
def test_cuts_arrays_that_differ_by_a_few_samples(tmp_path, field):
    full = scipy.io.loadmat(write(tmp_path))[field]
    write(tmp_path, **{field: full[:-7]})
    recording = read(tmp_path)
    original = make_recording()
    assert len(recording.signal) == len(recording.movement) == SAMPLES - 7
    np.testing.assert_array_equal(recording.signal, original.signal[:-7])
    np.testing.assert_array_equal(recording.movement, original.movement[:-7])
    write(tmp_path, **{field: full[:-256]})
    assert len(read(tmp_path).signal) == SAMPLES - 256
    write(tmp_path, **{field: full[:-300]})
    refuses(tmp_path, rf"may differ by at most 256: .*{field} 900")


def test_subject_and_exercise_may_be_absent_and_labels_may_be_rows(tmp_path):
    fields = scipy.io.loadmat(write(tmp_path))
    rows = {name: fields[name].T for name in ("restimulus", "rerepetition")}
    write(tmp_path, drop=("subject", "exercise", "stimulus", "repetition"), **rows)
    check_equals_original(read(tmp_path))


def test_labels_without_a_repetition_are_left_out(tmp_path):
    repetition = scipy.io.loadmat(write(tmp_path))["rerepetition"]
    repetition[200:220] = 0
    write(tmp_path, rerepetition=repetition)
    assert read(tmp_path).segments()[0].tolist() == [220, 400, 0, 1]


def test_db3_fills_missing_electrodes_with_zeros(tmp_path):
    emg = make_recording().signal[:, :10]
    write(tmp_path, emg=emg)
    recording = read(tmp_path, get_spec("ninapro_db3"))
    np.testing.assert_array_equal(recording.signal[:, :10], emg)
    assert recording.signal.shape == (SAMPLES, 12) and not recording.signal[:, 10:].any()
    write(tmp_path, emg=emg[:, :9])
    refuses(tmp_path, "10 or 12 channels", get_spec("ninapro_db3"))


@pytest.mark.parametrize(("letter", "number", "first", "count"), [("C", 2, 18, 23), ("D", 3, 41, 9)])
def test_other_exercises_count_from_their_first_label(tmp_path, letter, number, first, count):
    spec = get_spec(f"ninapro_db2_{letter.lower()}")
    path = tmp_path / f"S1_E{number}_A1.mat"
    ninapro.write_mat(make_recording(spec=spec), path, exercise=letter)
    assert set(np.unique(scipy.io.loadmat(path)["restimulus"])) == {0, first, first + count - 1}
    expected = [[200, 400, 0, 1], [500, 700, 0, 2], [800, 1100, count - 1, 1]]
    assert read(tmp_path, spec).segments().tolist() == expected


def write_labels(folder, letter, labels):
    """Writes a DB2 file of one repetition of each label."""
    column = np.repeat(labels, 1300)[:, None]
    emg = np.random.default_rng(0).normal(size=(len(column), 12))
    fields = {"emg": emg, "restimulus": column, "rerepetition": np.ones_like(column)}
    scipy.io.savemat(folder / f"S1_E{ {'C': 2, 'D': 3}[letter] }_A1.mat", fields)


@pytest.mark.parametrize(
    ("letter", "labels", "movements"),
    [
        ("D", range(1, 10), range(9)),  # from 1, and all of them
        ("C", range(1, 24), range(23)),
        ("D", (41, 45), (0, 4)),  # movements may be absent
        ("C", range(18, 30), range(12)),
        # The codes are sums of one bit per finger; fingers come first, pairs after them.
        ("D", (1, 2, 4, 6, 8, 9, 16, 32, 40), (0, 1, 2, 7, 3, 6, 4, 5, 8)),
    ],
)
def test_unambiguous_labels_are_read(tmp_path, letter, labels, movements):
    write_labels(tmp_path, letter, labels)
    assert read(tmp_path, get_spec(f"ninapro_db2_{letter.lower()}")).segments()[:, 2].tolist() == list(movements)


@pytest.mark.parametrize(
    ("letter", "labels"),
    [
        ("D", (1, 2, 4, 8)),  # four movements from 1, or four of the old codes
        ("D", (1, 2, 4, 6, 8, 9, 16, 32)),
        ("D", (1, 2, 4, 6, 8, 9, 16, 32, 40, 41)),
        ("D", range(1, 9)),
        ("C", range(1, 18)),
        ("C", (18, 40, 1)),
    ],
)
def test_ambiguous_labels_are_refused_and_not_shifted(tmp_path, letter, labels):
    write_labels(tmp_path, letter, labels)
    spec = get_spec(f"ninapro_db2_{letter.lower()}")
    refuses(
        tmp_path, f"it has labels from {min(labels)} to {max(labels)}, not from", spec, remedy="leave subject 1 out"
    )


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"subject": 2}, "its name says subject 1, but its content says subject 2"),
        ({"exercise": 3}, "its name says exercise 1, but its content says exercise 3"),
        ({"drop": ("restimulus",)}, "finjax uses stimulus and repetition. Is the file incomplete"),
        ({"emg": make_recording().signal[:-200]}, "differ by up to 200 samples: all are cut"),
    ],
)
def test_odd_but_usable_content_is_noted(tmp_path, changes, note):
    write(tmp_path, **changes)
    (found,) = read(tmp_path).notes
    assert note in found


def test_an_ordinary_file_has_no_notes(tmp_path):
    write(tmp_path)
    assert read(tmp_path).notes == ()


# Of original files, read with SciPy: samples, those of movements, the largest value in volts, channel 8 after 10 s.
PINNED = {
    1: (101_014, 37_700, 4.6606, 0.0415),
    3: (100_720, 38_274, 4.5239, 0.0903),
    4: (100_835, 46_569, 2.4902, 0.1343),
    7: (100_817, 43_142, 4.1895, 0.1489),
}


@pytest.mark.real_data("FINJAX_DB1_DIR")
def test_values_of_original_files_of_db1(tmp_path):
    folder = Path(os.environ["FINJAX_DB1_DIR"])
    recordings = loading.load_recordings(get_spec("ninapro_db1"), folder, cache_dir=tmp_path, progress=False)
    known = [recording for recording in recordings if recording.subject in PINNED]
    for recording in known:
        samples, labelled, largest, value = PINNED[recording.subject]
        assert (len(recording.signal), (recording.movement >= 0).sum()) == (samples, labelled)
        assert recording.signal.max() == np.float32(largest) and recording.signal[1000, 7] == np.float32(value)
        assert recording.rate_hz == 100.0 and recording.unit == "V" and len(recording.movement_names) == 12
    if not known:
        pytest.skip(f"none of subjects {sorted(PINNED)} is in FINJAX_DB1_DIR")


@pytest.mark.real_data("FINJAX_DB1_DIR")
def test_original_files_of_db1_are_read_sample_by_sample(tmp_path):
    folder = Path(os.environ["FINJAX_DB1_DIR"])
    spec = get_spec("ninapro_db1")
    recordings = loading.load_recordings(spec, folder, cache_dir=tmp_path, progress=False)
    assert recordings and spec.rate_hz == 100
    for recording in recordings:
        (path,) = folder.rglob(f"S{recording.subject}_A1_E1.mat")
        fields = scipy.io.loadmat(path)
        labels, repetition = fields["restimulus"][:, 0].astype(int), fields["rerepetition"][:, 0].astype(int)
        np.testing.assert_array_equal(recording.signal, fields["emg"].astype(np.float32))
        np.testing.assert_array_equal(recording.movement, np.where((labels > 0) & (repetition > 0), labels - 1, -1))
        np.testing.assert_array_equal(recording.repetition, repetition)
        every = [(movement, number) for movement in range(12) for number in range(1, 11)]
        assert sorted(map(tuple, recording.segments()[:, 2:].tolist())) == every
        assert recording.notes == ()  # its electrodes rest for long, and none is flat or saturated
