"""The 3DC dataset: ten channels at 1 kHz, eleven held gestures, eight repetitions, one text file each.

Values are raw counts of the converter with the electrodes' offsets, which the default filter removes.

Reference: Côté-Allard, Gagnon-Turcotte, Laviolette, Gosselin, "A low-cost, wireless, 3-D-printed custom
armband for sEMG hand gesture recognition", Sensors 19(12):2811, 2019.
"""

import re
from pathlib import Path

import numpy as np

from finjax.data import registry
from finjax.errors import DataError

RATE_HZ = 1000.0
CHANNELS = 10
LARGEST_COUNT = 1e9  # the converter has 16 bits; larger values mean damage
HIGHPASS_HZ = 20.0
REPETITIONS_PER_SESSION = 4  # the test session's four follow the training session's four

MOVEMENT_NAMES = (
    "neutral (no motion)",
    "radial deviation",
    "wrist flexion",
    "ulnar deviation",
    "wrist extension",
    "supination",
    "pronation",
    "power grip",
    "open hand",
    "chuck grip",
    "pinch grip",
)

_PATH = re.compile(r"(train|test)/EMG/3dc_EMG_gesture_([0-3])_(10|[0-9])\.txt$")


def read(paths: tuple[Path, ...]) -> list[registry.Piece]:
    """Reads one participant's files.

    Args:
        paths: files `{train,test}/EMG/3dc_EMG_gesture_{repetition 0-3}_{class 0-10}.txt`.

    Returns:
        One piece per file, by repetition, then class; the signal `[N, 10]` is in counts.

    Raises:
        DataError: a file is malformed, or two files have the same repetition of the same class.
    """
    by_label: dict[tuple[int, int], Path] = {}
    for path in paths:
        match = _PATH.search(path.as_posix())
        assert match, f"{path} is not matched by the patterns of the dataset"
        session, repetition, movement = match.groups()
        label = 1 + int(repetition) + REPETITIONS_PER_SESSION * (session == "test"), int(movement)
        if label in by_label:
            raise DataError(f"{path} and {by_label[label]} are the same recording: remove one of them")
        by_label[label] = path
    pieces = []
    for (repetition, movement), path in sorted(by_label.items()):
        signal = _read_counts(path)
        pieces.append(
            registry.Piece(
                signal=signal,
                movement=np.full(len(signal), movement, np.int16),
                repetition=np.full(len(signal), repetition, np.int16),
            )
        )
    return pieces


def _read_counts(path: Path) -> np.ndarray:
    """Returns one file's samples, `[N, 10]` float32."""
    lines = path.read_bytes().splitlines()
    while lines and not lines[-1].strip():
        lines.pop()
    if not lines:
        raise DataError(f"{path} is empty: copy it again from the original")
    try:
        # As float64, which represents every count exactly: NumPy versions differ in how they read 5.5 as an integer.
        counts = np.loadtxt(lines, np.float64, delimiter=",", comments=None, ndmin=2, encoding="ascii")
        whole = (counts == np.rint(counts)) & (np.abs(counts) < LARGEST_COUNT)
        if counts.shape == (len(lines), CHANNELS) and whole.all():
            return counts.astype(np.float32)
    except ValueError:
        pass  # the line is found below
    for number, line in enumerate(lines, start=1):
        if not re.fullmatch(rb"\s*[-+]?\d{1,9}\s*(,\s*[-+]?\d{1,9}\s*){9}", line):
            shown = line[:60].decode("ascii", "replace")
            raise DataError(
                f"{path}, line {number}: expected {CHANNELS} whole numbers separated by commas, "
                f"not {shown!r}; copy the file again from the original"
            )
    raise DataError(f"{path} cannot be read as {CHANNELS} columns of whole numbers")


SPEC = registry.register(
    registry.DatasetSpec(
        name="three_dc",
        rate_hz=RATE_HZ,
        channel_names=tuple(f"electrode {number}" for number in range(1, CHANNELS + 1)),
        movement_names=MOVEMENT_NAMES,
        files=(r"Participant(\d+)/(?:train|test)/EMG/3dc_EMG_gesture_[0-3]_(?:10|[0-9])\.txt",),
        read=read,
        splits=registry.Splits(seen_subjects="1-6", train_repetitions="1-4", test_repetitions="5-8"),
        filter=registry.Filter(highpass_hz=HIGHPASS_HZ),
        unit="counts",
        download=(
            "The 3DC dataset is free to download from IEEE DataPort "
            "(search for '3DC dataset', Côté-Allard et al. 2019): "
            "unpack it and give the folder that contains Participant1, Participant2, ... "
            "Cite Côté-Allard et al., Sensors 19(12):2811, 2019."
        ),
    )
)
