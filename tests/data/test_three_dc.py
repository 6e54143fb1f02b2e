import os
from pathlib import Path

import numpy as np
import pytest

from finjax.data import loading, three_dc
from finjax.data.registry import get_spec
from finjax.errors import DataError


def write(folder, *, session="train", repetition=0, movement=0, rows=40, text=None, subject=1):
    path = folder / f"Participant{subject}/{session}/EMG/3dc_EMG_gesture_{repetition}_{movement}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    first = 1000 * movement + 100 * repetition
    lines = [",".join(str(first + 10 * row + column) for column in range(10)) for row in range(rows)]
    path.write_text("\n".join(lines) if text is None else text)
    return path


def test_spec_is_registered():
    spec = get_spec("three_dc")
    assert spec.rate_hz == 1000 and len(spec.channel_names) == 10 and len(spec.movement_names) == 11
    assert spec.movement_names[0] == "neutral (no motion)" and spec.movement_names[10] == "pinch grip"
    assert spec.filter.highpass_hz == 20


def test_finds_the_participants_and_nothing_else(tmp_path):
    write(tmp_path / "deeper", subject=12, movement=10)
    write(tmp_path / "deeper", subject=3)
    write(tmp_path / "deeper", subject=4, movement=11)
    write(tmp_path / "deeper", subject=5, repetition=4)
    (tmp_path / "Participant6").mkdir()
    (tmp_path / "Participant6/README.txt").write_text("1,2")
    assert list(get_spec("three_dc").find(tmp_path)) == [3, 12]


def test_pieces_come_by_repetition_then_class(tmp_path):
    write(tmp_path, session="test", repetition=0, movement=2)
    write(tmp_path, session="train", repetition=3, movement=10)
    write(tmp_path, session="train", repetition=3, movement=9)
    write(tmp_path, session="test", repetition=3, movement=0)
    write(tmp_path, session="train", repetition=0, movement=10)
    pieces = three_dc.read(get_spec("three_dc").find(tmp_path)[1])
    labels = [(piece.repetition[0], piece.movement[0]) for piece in pieces]
    assert labels == [(1, 10), (4, 9), (4, 10), (5, 2), (8, 0)]
    assert pieces[1].signal.shape == (40, 10)
    np.testing.assert_array_equal(pieces[1].signal[:2, :3], [[9300, 9301, 9302], [9310, 9311, 9312]])
    assert (pieces[1].repetition == 4).all() and (pieces[1].movement == 9).all()


def test_offset_is_filtered_away_in_every_piece(tmp_path):
    row = ",".join(["700"] * 10)
    write(tmp_path, movement=1, text="\n".join([row] * 50) + "\n")
    write(tmp_path, movement=0, rows=60)
    spec = get_spec("three_dc")
    recording = loading.read_recording(spec, 1, spec.find(tmp_path)[1])
    assert recording.piece_starts == (0, 60) and recording.signal.shape == (110, 10)
    assert np.abs(recording.signal[60:]).max() < 1e-2
    np.testing.assert_array_equal(recording.segments(), [[0, 60, 0, 1], [60, 110, 1, 1]])


GOOD = "1,2,3,4,5,6,7,8,9,-10"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "gesture_0_0.txt is empty"),
        ("\n \n", "gesture_0_0.txt is empty"),
        (f"{GOOD}\n1,2,3\n", "gesture_0_0.txt, line 2: expected 10 whole numbers .* not '1,2,3'"),
        (f"{GOOD}\n{GOOD}\n{GOOD},11\n", "line 3: expected 10"),
        (f"{GOOD}\n\n{GOOD}\n", "line 2: expected 10"),
        (f"{GOOD}\n1,2,3,4,x,6,7,8,9,10\n", "line 2: expected 10"),
        (f"{GOOD}\n1,2,3,4,nan,6,7,8,9,10\n", "line 2: expected 10"),
        (f"{GOOD}\n1,2,3,4,5.5,6,7,8,9,10\n", "line 2: expected 10"),
        (f"{GOOD}\n1,2,3,4,99999999999,6,7,8,9,10\n", "line 2: expected 10"),
        ("<html>not found</html>", "line 1: expected 10 .* not '<html>"),
        ("é" * 5, "line 1: expected 10"),
    ],
)
def test_malformed_file_is_named_with_its_line(tmp_path, text, message):
    path = write(tmp_path, text=text)
    with pytest.raises(DataError, match=message):
        three_dc.read((path,))


def test_the_same_recording_twice_is_refused(tmp_path):
    paths = (write(tmp_path / "a"), write(tmp_path / "b"))
    with pytest.raises(DataError, match="are the same recording"):
        three_dc.read(paths)


@pytest.mark.real_data("FINJAX_3DC_DIR")
def test_real_recordings(tmp_path):
    folder = Path(os.environ["FINJAX_3DC_DIR"])
    spec = get_spec("three_dc")
    (recording,) = loading.load_recordings(spec, folder, subjects=[1], cache_dir=tmp_path, progress=False)
    segments = recording.segments()
    assert len(segments) == 88  # 11 classes, 8 repetitions
    assert sorted(map(tuple, segments[:, 2:])) == [(m, r) for m in range(11) for r in range(1, 9)]
    assert len(recording.signal) == 420_903  # lines in the participant's 88 files
    assert np.abs(recording.signal.mean(axis=0)).max() < 1  # the raw offsets are tens to a thousand
