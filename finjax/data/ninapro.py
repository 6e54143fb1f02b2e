"""Ninapro databases 2, 3 and 7: twelve Delsys Trigno electrodes at 2 kHz, one MATLAB file per exercise.

Exercise B (file `S1_E1_A1.mat`) holds 17 movements of fingers and wrist, C (`E2`) 23 grasps and D (`E3`,
not in DB7) 9 force patterns. Two of DB3's amputees wore ten electrodes: the channels that their files
lack are appended as zeros, so that every subject has the same twelve.

Reference: Atzori et al., "Electromyography data for non-invasive naturally-controlled robotic hand
prostheses", Scientific Data 1:140053, 2014.
"""

import dataclasses
import functools
import re
from pathlib import Path

import numpy as np

from finjax.data import matlab, registry
from finjax.data.recording import UNLABELLED, Recording
from finjax.errors import DataError

RATE_HZ = 2000.0
MAX_LENGTH_DIFFERENCE = 256  # samples, 128 ms: some files' arrays end a little apart, and are cut
MAX_REPETITION = 99  # six are recorded; a larger number than this one is damage

CHANNEL_NAMES = (
    *(f"forearm {number}" for number in range(1, 9)),  # equally spaced at the radio-humeral joint
    "flexor digitorum superficialis",
    "extensor digitorum superficialis",
    "biceps brachii",
    "triceps brachii",
)
EXERCISE_B = (
    "thumb up",
    "extension of index and middle, flexion of the others",
    "flexion of ring and little finger, extension of the others",
    "thumb opposing base of little finger",
    "abduction of all fingers",
    "fingers flexed together in fist",
    "pointing index",
    "adduction of extended fingers",
    "wrist supination (axis: middle finger)",
    "wrist pronation (axis: middle finger)",
    "wrist supination (axis: little finger)",
    "wrist pronation (axis: little finger)",
    "wrist flexion",
    "wrist extension",
    "wrist radial deviation",
    "wrist ulnar deviation",
    "wrist extension with closed hand",
)
_LABELS = (("restimulus", "rerepetition"), ("stimulus", "repetition"))  # refined pair first; never mixed
_FIELDS = ("emg", *_LABELS[0], *_LABELS[1], "subject", "exercise")


@dataclasses.dataclass(frozen=True)
class Exercise:
    """One exercise: its number in file names, its first label, and a name for each label from there."""

    number: int
    first_label: int
    movement_names: tuple[str, ...]


EXERCISES = {
    "B": Exercise(1, 1, EXERCISE_B),
    "C": Exercise(2, 18, tuple(f"movement {label}" for label in range(18, 41))),
    "D": Exercise(3, 41, tuple(f"movement {label}" for label in range(41, 50))),
}


def read(paths: tuple[Path, ...], *, exercise: str, channel_counts: tuple[int, ...]) -> list[registry.Piece]:
    """Reads one subject's file of one exercise, from a `.mat` file or else from the subject's archive.

    Args:
        paths: the subject's `S{n}_E{e}_A1.mat`, its zip archive, or both.
        exercise: `B`, `C` or `D`.
        channel_counts: numbers of columns that `emg` may have; missing ones are filled with zeros.

    Returns:
        One piece, signal `[N, 12]` in volts. Rest, and samples of repetition 0, are unlabelled.

    Raises:
        DataError: the file is damaged, lacks a field, or holds what it should not.
    """
    candidates = [path for path in paths if path.suffix == ".mat"] or list(paths)
    path, subject, number = candidates[0], _number(candidates[0]), EXERCISES[exercise].number
    if len(candidates) > 1:
        raise DataError(
            f"{path} and {candidates[1]} both hold subject {subject}: remove one, "
            "or point --config.data.dir at the folder of a single database"
        )
    try:
        fields = matlab.load(path, _FIELDS, member=f"S{subject}_E{number}_A1.mat")
        piece = _piece(fields, EXERCISES[exercise], channel_counts)
        origin = _odd_origin(fields, subject=subject, exercise=number)
        return [dataclasses.replace(piece, notes=(*origin, *piece.notes))]
    except matlab.UnusableError as error:
        raise DataError(
            f"{path}: {error}. Download it again, or leave subject {subject} out with --config.data.subjects"
        ) from None


def _number(path: Path) -> int:
    """Returns the subject's number: of `S3_E1_A1.mat`, `DB2_s3.zip`, `s3_0.zip` and `Subject_3.zip`."""
    return int(re.search(r"(?:^|_)(?:S|s|Subject_)(\d+)", path.name)[1])


def _odd_origin(fields: dict[str, np.ndarray], **expected: int) -> list[str]:
    """Returns notes on a `subject` or `exercise` that is not the one the file's name says; the name counts."""
    notes = []
    for name, number in expected.items():
        stored = _whole_numbers(fields, name) if name in fields else []
        if len(stored) and stored[0] != number:
            notes.append(f"its name says {name} {number}, but the file says {name} {stored[0]}")
    return notes


def _piece(fields: dict, exercise: Exercise, channel_counts: tuple[int, ...]) -> registry.Piece:
    pair = next((pair for pair in _LABELS if all(name in fields for name in pair)), None)
    if pair is None or "emg" not in fields:
        raise matlab.UnusableError(
            f"it needs emg and restimulus with rerepetition, or stimulus with repetition; "
            f"it holds {', '.join(fields) or 'none of these'}"
        )
    emg = fields["emg"]
    if not isinstance(emg, np.ndarray) or emg.dtype.kind not in "iuf":
        raise matlab.UnusableError("emg is not a numeric array")
    if emg.ndim != 2 or emg.shape[1] not in channel_counts:
        allowed = " or ".join(map(str, channel_counts))
        raise matlab.UnusableError(f"emg must be [samples, {allowed} channels], not {list(emg.shape)}")
    labels, repetition = (_whole_numbers(fields, name) for name in pair)
    lengths = {"emg": len(emg), pair[0]: len(labels), pair[1]: len(repetition)}
    length = min(lengths.values())
    if not length or max(lengths.values()) - length > MAX_LENGTH_DIFFERENCE:
        shown = ", ".join(f"{name} {samples}" for name, samples in lengths.items())
        raise matlab.UnusableError(f"samples per field must agree within {MAX_LENGTH_DIFFERENCE}: {shown}")
    signal = np.zeros((length, len(CHANNEL_NAMES)), np.float32)
    with np.errstate(over="ignore"):  # becomes infinite, and is refused as such
        signal[:, : emg.shape[1]] = emg[:length]
    if not np.isfinite(signal).all():
        sample, channel = np.argwhere(~np.isfinite(signal))[0]
        raise matlab.UnusableError(f"emg is not finite, first at sample {sample} of channel {channel + 1}")
    repetition = repetition[:length]
    if not 0 <= repetition.min() <= repetition.max() <= MAX_REPETITION:
        raise matlab.UnusableError(
            f"{pair[1]} spans {repetition.min()} to {repetition.max()}; allowed is 0 to {MAX_REPETITION}"
        )
    movement = _movement(labels[:length], pair[0], exercise)
    movement[repetition == 0] = UNLABELLED  # a label outside every repetition belongs to no split
    if (movement == UNLABELLED).all():
        raise matlab.UnusableError(f"{pair[0]} and {pair[1]} label no movement at all")
    notes = []
    if pair != _LABELS[0]:
        notes.append(f"no refined labels: {' and '.join(pair)} are used")
    if (cut := max(lengths.values()) - length) > 0:
        notes.append(f"its arrays end up to {cut} samples apart, and are cut to the shortest")
    if emg.shape[1] < len(CHANNEL_NAMES):
        notes.append(f"{emg.shape[1]} electrodes: the last {len(CHANNEL_NAMES) - emg.shape[1]} channels are zeros")
    return registry.Piece(signal=signal, movement=movement, repetition=repetition.astype(np.int16), notes=tuple(notes))


def _whole_numbers(fields: dict[str, np.ndarray], name: str) -> np.ndarray:
    """Returns a field that is a row or column of whole numbers as int64 `[N]`."""
    values = fields[name]
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "iuf":
        raise matlab.UnusableError(f"{name} is not a numeric array")
    if values.size != max(values.shape, default=1):
        raise matlab.UnusableError(f"{name} must be one column, not {list(values.shape)}")
    if values.dtype.kind == "f" and not (np.abs(values) < 2**31).all() & (values == np.rint(values)).all():
        raise matlab.UnusableError(f"{name} holds values that are not whole numbers")
    return values.reshape(-1).astype(np.int64)


def _movement(labels: np.ndarray, name: str, exercise: Exercise) -> np.ndarray:
    """Returns class indices `[N]` int16 of labels that count from `first_label`, or else from 1."""
    used = labels[labels != 0]
    count = len(exercise.movement_names)
    for first in (exercise.first_label, 1):
        if not len(used) or first <= used.min() <= used.max() < first + count:
            return np.where(labels == 0, UNLABELLED, labels - first).astype(np.int16)
    raise matlab.UnusableError(
        f"{name} has labels from {used.min()} to {used.max()}; allowed are 0 (rest) and "
        f"{exercise.first_label} to {exercise.first_label + count - 1}"
    )


def write_mat(recording: Recording, path: str | Path, *, exercise: str = "B") -> None:
    """Writes a recording as such a file (MATLAB v5), replacing `path` only once it is complete.

    The refined and the plain labels are the same. Unlabelled samples get label and repetition 0.

    Args:
        recording: any recording whose classes fit the exercise.
        path: the file, `S{n}_E{e}_A1.mat` if `read` is to find it.
        exercise: `B`, `C` or `D`: sets the field `exercise` and the first label.
    """
    labelled = recording.movement != UNLABELLED
    first = EXERCISES[exercise].first_label
    label = np.where(labelled, recording.movement.astype(np.int16) + first, 0)
    repetition = np.where(labelled, recording.repetition, 0)
    fields = {"emg": recording.signal}
    for label_name, repetition_name in _LABELS:
        fields[label_name] = label.astype(np.int8)
        fields[repetition_name] = repetition.astype(np.int8)
    fields["subject"] = np.int16(recording.subject)
    fields["exercise"] = np.int16(EXERCISES[exercise].number)
    matlab.save(path, fields)


def _specs(
    database: str, exercises: str, *, splits: registry.Splits, archives: tuple, channel_counts: tuple = (12,)
) -> tuple[registry.DatasetSpec, ...]:
    """Registers one database, exercise by exercise; B goes by the database's name alone."""
    specs = []
    for letter in exercises:
        exercise = EXERCISES[letter]
        spec = registry.DatasetSpec(
            name=f"ninapro_{database.lower()}" + ("" if letter == "B" else f"_{letter.lower()}"),
            rate_hz=RATE_HZ,
            channel_names=CHANNEL_NAMES,
            movement_names=exercise.movement_names,
            files=(rf"S(\d+)_E{exercise.number}_A1\.mat", *archives),
            read=functools.partial(read, exercise=letter, channel_counts=channel_counts),
            splits=splits,
            download=(
                f"Ninapro {database} may not be passed on: register at https://ninapro.hevs.ch, download "
                f"{database}'s files there and keep them together in one folder, zipped or not. "
                "Cite Atzori et al., Scientific Data 1:140053, 2014."
            ),
        )
        specs.append(registry.register(spec))
    return tuple(specs)


_REPETITIONS = {
    "train_repetitions": "1,3,4",
    "test_repetitions": "2,5",
    "seen_tune_repetitions": "6",
    "unseen_tune_repetitions": "1,3,4,6",
}

SPECS = (
    *_specs(
        "DB2",
        "BCD",
        splits=registry.Splits(seen_subjects="1-25", unseen_subjects="26-40", **_REPETITIONS),
        archives=(r"DB2_s(\d+)\.zip",),
    ),
    *_specs(
        "DB3",
        "BCD",
        splits=registry.Splits(seen_subjects="1-7", **_REPETITIONS),
        archives=(r"DB3_s(\d+)\.zip", r"s(\d+)_0\.zip"),
        channel_counts=(10, 12),
    ),
    *_specs(
        "DB7",
        "BC",
        splits=registry.Splits(seen_subjects="1-14", **_REPETITIONS),
        archives=(r"Subject_(\d+)\.zip", r"DB7_s(\d+)\.zip"),
    ),
)
