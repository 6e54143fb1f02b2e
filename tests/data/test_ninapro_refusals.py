import zipfile

import numpy as np
import pytest
from ninapro_files import DB2, SAMPLES, make_recording, read, refuses, write, zip_up

from finjax.data.normalise import fit_signal_normaliser
from finjax.data.windows import Framing, index_windows, pack
from finjax.errors import DataError


def test_archive_errors(tmp_path):
    zip_up(tmp_path / "DB2_s1.zip", {"DB2_s1/S2_E1_A1.mat": b""})
    message = "must contain S1_E1_A1.mat once; it does 0 times, with S2_E1_A1.mat"
    refuses(tmp_path, message, remedy="another database or exercise")
    zip_up(tmp_path / "DB2_s1.zip", {"a/S1_E1_A1.mat": b"", "b/S1_E1_A1.mat": b""})
    refuses(tmp_path, "once; it does 2 times", remedy="another database or exercise")
    with zipfile.ZipFile(tmp_path / "DB2_s1.zip", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("S1_E1_A1.mat", b"content")
    refuses(tmp_path, "packed by a method that finjax cannot read", remedy="Unpack it")
    (tmp_path / "DB2_s1.zip").write_bytes(b"PK\x03\x04 cut off")
    refuses(tmp_path, "damaged or incomplete.*BadZipFile")


def test_two_files_of_one_subject_are_refused(tmp_path):
    write(tmp_path / "DB2")
    write(tmp_path / "DB3")
    with pytest.raises(DataError, match="both contain subject 1: remove one"):
        read(tmp_path)


@pytest.mark.parametrize("missing", [("emg",), ("restimulus", "stimulus"), ("restimulus", "repetition")])
def test_missing_fields(tmp_path, missing):
    write(tmp_path, drop=missing)
    refuses(tmp_path, r"needs emg and restimulus with rerepetition, or stimulus with repetition; it has ")


def test_truncated_and_foreign_files(tmp_path):
    path = write(tmp_path)
    content = path.read_bytes()
    for size in (0, 50, 128, 200, len(content) // 2, len(content) - 300):
        path.write_bytes(content[:size])
        with pytest.raises(DataError, match=r"S1_E1_A1\.mat: .*Download it again"):
            read(tmp_path)
    path.write_bytes(content[: len(content) // 2])
    refuses(tmp_path, "incomplete: it ends inside a variable")
    path.write_bytes(b"<html>Please log in</html>" * 100)
    refuses(tmp_path, "damaged or incomplete")


def labels(value, at=250):
    column = np.zeros((SAMPLES, 1))
    column[at:] = value
    return column


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"emg": np.zeros((SAMPLES, 11))}, r"emg must be \[samples, 12 channels\], not \[1200, 11\]"),
        ({"emg": np.zeros((SAMPLES, 10))}, r"12 channels\], not \[1200, 10\]"),
        ({"emg": np.zeros((12, SAMPLES))}, r"12 channels\], not \[12, 1200\]"),
        ({"emg": np.zeros((0, 12))}, "may differ by at most 256: emg 0"),
        ({"emg": np.array([["a", 1]], object)}, "emg is not a numeric array"),
        ({"emg": "text"}, "emg is not a numeric array"),
        ({"emg": np.ones((SAMPLES, 12), complex)}, "emg is not a numeric array"),
        ({"emg": np.full((SAMPLES, 12), np.nan)}, "emg is not finite, first at sample 0 of channel 1"),
        ({"emg": np.full((SAMPLES, 12), 1e300)}, "emg is not finite"),
        (
            {"restimulus": labels(18)},
            "it has labels from 18 to 18, not from 1 to 17",
        ),
        ({"restimulus": labels(-1)}, "labels from -1 to -1"),
        ({"restimulus": labels(1.5)}, "restimulus has values that are not whole numbers"),
        ({"restimulus": labels(np.inf)}, "restimulus has values that are not whole numbers"),
        ({"restimulus": np.ones((SAMPLES, 2))}, r"restimulus must be one column, not \[1200, 2\]"),
        ({"restimulus": labels(0)}, "restimulus and rerepetition label no movement"),
        ({"rerepetition": labels(0)}, "restimulus and rerepetition label no movement"),
        ({"rerepetition": labels(-2)}, "rerepetition has values from -2 to 0"),
        ({"rerepetition": labels(100)}, "rerepetition has values from 0 to 100"),
    ],
)
def test_refuses_content(tmp_path, changes, message):
    write(tmp_path, **changes)
    refuses(tmp_path, message)


def test_segments_of_one_sample_are_read_and_have_no_windows(tmp_path):
    every_second = np.arange(SAMPLES)[:, None] % 2 * (np.arange(SAMPLES) < 38)[:, None]
    write(tmp_path, restimulus=every_second, rerepetition=every_second)
    recording = read(tmp_path)
    assert len(recording.segments()) == 19
    with pytest.raises(DataError, match="no window fits: .* needs a segment of 60, and the longest has 1;"):
        index_windows(pack([recording]).segments, Framing(length=60, step=10))


def test_repetitions_may_come_in_any_order_and_some_be_missing(tmp_path):
    repetition = np.zeros((SAMPLES, 1))
    for start, number in ((200, 5), (500, 1), (800, 3)):
        repetition[start : start + 200] = number
    write(tmp_path, rerepetition=repetition)
    recording = read(tmp_path)
    assert recording.segments()[:, 3].tolist() == [5, 1, 3]
    store = pack([recording])
    assert fit_signal_normaliser(store, test_repetitions=(2, 5)).mean.shape == (1, 12)
    with pytest.raises(DataError, match=r"subject 1 has no repetition outside the test repetitions \[1, 3, 5\]"):
        fit_signal_normaliser(store, test_repetitions=(1, 3, 5))


def test_the_message_names_the_place_of_a_value_that_is_not_finite(tmp_path):
    emg = make_recording().signal.copy()
    emg[700, 4] = np.inf
    write(tmp_path, emg=emg)
    refuses(tmp_path, "first at sample 700 of channel 5")


def test_missing_folder_and_no_subject(tmp_path):
    with pytest.raises(DataError, match=r"no such folder: .*absent.*ninapro\.hevs\.ch"):
        DB2.find(tmp_path / "absent")
    (tmp_path / "S1_E2_A1.mat").write_bytes(b"")
    with pytest.raises(DataError, match=r"no subject of ninapro_db2 below .*ninapro\.hevs\.ch.*Atzori"):
        DB2.find(tmp_path)
