"""Ninapro databases 1, 2, 3, 4, 5 and 7: one MATLAB file per subject and exercise.

DB2, DB3 and DB7: twelve Delsys Trigno electrodes at 2 kHz. Exercise B (file `S1_E1_A1.mat`) holds 17 movements of hand
and wrist, C (`E2`) 23 grasps and D (`E3`, not in DB7) 9 force patterns. DB3's subjects are amputees: whole
movements may be absent, and two subjects wore ten electrodes. Their files have twelve columns, of which the ninth and
tenth are constant. A file with ten columns is read too, with two columns of zeros added.

DB1: ten Otto Bock electrodes, which record the rectified envelope, at 100 Hz. Exercise A (`S1_A1_E1.mat`) holds 12
movements of fingers, B (`E2`) 17 of hand and wrist, C (`E3`) 23 grasps; ten repetitions.

DB4 (twelve electrodes, 2 kHz) and DB5 (two Myo armbands of eight electrodes, 200 Hz) have DB1's exercises, DB2's file
names and six repetitions.

Only DB1's exercise A was read from original files; the others were tested on files that `write_mat` wrote.

References: `finjax.data.ninapro_databases`.
"""

import dataclasses
import functools
import re
from pathlib import Path

import numpy as np

from finjax.data import matlab, registry
from finjax.data.matlab import UnusableError
from finjax.data.ninapro_contents import Contents, advise, judge, shorter
from finjax.data.ninapro_databases import DATABASES, Database, Exercise, get_database
from finjax.data.recording import UNLABELLED, Recording
from finjax.errors import DataError

MAX_LENGTH_DIFFERENCE = 256  # samples, 128 ms at 2 kHz: the arrays of some files differ a little, and are cut
MAX_REPETITION = 99  # at most ten are recorded; a number above this limit means damage

_LABELS = (("restimulus", "rerepetition"), ("stimulus", "repetition"))  # refined labels first; never mixed
_FIELDS = ("emg", *_LABELS[0], *_LABELS[1], "subject", "exercise")


def read(paths: tuple[Path, ...], *, database: str, exercise: str) -> list[registry.Piece]:
    """Reads one subject's file of one exercise, from a `.mat` file or from the subject's archive.

    Args:
        paths: the subject's `.mat` file of the exercise, its zip archive, or both.
        database: `DB1`, `DB2` and so on.
        exercise: `A`, `B`, `C` or `D`.

    Returns:
        One piece, signal `[N, C]` in volts. Rest and samples of repetition 0 are unlabelled.

    Raises:
        DataError: the file is damaged, incomplete, has wrong values, or is of another database.
    """
    from_database = get_database(database)
    from_exercise = from_database.exercise(exercise)
    candidates = [path for path in paths if path.suffix == ".mat"] or list(paths)
    path, subject = candidates[0], _number(candidates[0])
    if len(candidates) > 1:
        raise DataError(
            f"{path} and {candidates[1]} both contain subject {subject}: remove one, "
            "or give the folder of a single database"
        )
    member = from_database.file_name.format(subject=subject, exercise=from_exercise.number)
    try:
        fields = matlab.load(path, _FIELDS, member=member)
        piece = _piece(fields, from_database, from_exercise, subject=subject)
        origin = _notes_on_origin(fields, subject=subject, exercise=from_exercise.number)
        return [dataclasses.replace(piece, notes=(*origin, *piece.notes))]
    except UnusableError as error:
        raise DataError(f"{path}: {error}. {error.remedy}, or leave subject {subject} out") from None


def _number(path: Path) -> int:
    """Returns the subject's number: of `S3_E1_A1.mat`, `DB2_s3.zip`, `s3_0.zip` and `Subject_3.zip`."""
    match = re.search(r"(?:^|_)(?:S|s|Subject_)(\d+)", path.name)
    assert match, f"{path} is not matched by the patterns of its database"
    return int(match[1])


def _notes_on_origin(fields: dict[str, np.ndarray], **expected: int) -> list[str]:
    """Returns notes if the field `subject` or `exercise` differs from the file's name; finjax uses the name."""
    notes = []
    for name, number in expected.items():
        stored = _whole_numbers(fields, name) if name in fields else []
        if len(stored) and stored[0] != number:
            notes.append(f"its name says {name} {number}, but its content says {name} {stored[0]}")
    return notes


def _piece(fields: dict, database: Database, exercise: Exercise, *, subject: int) -> registry.Piece:
    pair = _label_pair(fields)
    emg = fields["emg"]
    if not isinstance(emg, np.ndarray) or emg.dtype.kind not in "iuf":
        raise UnusableError("emg is not a numeric array")
    labels, repetition = (_whole_numbers(fields, name) for name in pair)
    lengths = {"emg": len(emg), pair[0]: len(labels), pair[1]: len(repetition)}
    length = min(lengths.values())
    emg, labels, repetition = emg[:length], labels[:length], repetition[:length]
    stored = next(iter(_whole_numbers(fields, "exercise")), None) if "exercise" in fields else None
    contents = Contents.of(emg, labels, repetition, exercise=stored) if emg.ndim == 2 and emg.size else None
    if emg.ndim != 2 or emg.shape[1] not in database.channel_counts:
        allowed = " or ".join(map(str, database.channel_counts))
        message = f"emg must be [samples, {allowed} channels], not {list(fields['emg'].shape)}"
        raise _refusal(message, contents, database, exercise, subject=subject)
    if not length or max(lengths.values()) - length > MAX_LENGTH_DIFFERENCE:
        shown = ", ".join(f"{name} {samples}" for name, samples in lengths.items())
        raise UnusableError(f"the numbers of samples may differ by at most {MAX_LENGTH_DIFFERENCE}: {shown}")
    assert contents is not None  # emg has two axes and samples
    signal = _signal(emg, len(database.channel_names))
    if not 0 <= repetition.min() <= repetition.max() <= MAX_REPETITION:
        raise UnusableError(
            f"{pair[1]} has values from {repetition.min()} to {repetition.max()}; allowed are 0 to {MAX_REPETITION}"
        )
    reasons, certain = judge(contents, database, exercise)
    if certain:
        message = f"it is not a file of Ninapro {database.name}, exercise {exercise.letter}: {'; '.join(reasons)}"
        raise _refusal(message, contents, database, exercise, subject=subject)
    notes = [f"{reason}. {advise(contents, database, exercise, subject=subject)}" for reason in reasons]
    movement = _movement(labels, pair[0], exercise)
    movement[repetition == 0] = UNLABELLED  # a label outside all repetitions belongs to no split
    if (movement == UNLABELLED).all():
        raise UnusableError(f"{pair[0]} and {pair[1]} label no movement")
    if pair != _LABELS[0]:
        notes.append(f"no refined labels: finjax uses {' and '.join(pair)}. Is the file incomplete? Compare its size")
    if contents.labels == set(exercise.old_codes):
        notes.append(f"its labels are old codes: finjax reads {exercise.old_codes} as the movements in this order")
    if (cut := max(lengths.values()) - length) > 0:
        notes.append(f"the lengths of its arrays differ by up to {cut} samples: all are cut to the shortest")
    if (missing := len(database.channel_names) - emg.shape[1]) > 0:
        notes.append(f"{emg.shape[1]} electrodes: the last {missing} channels are zeros")
    absent = len(exercise.movement_names) - 1 - movement.max()
    if absent and not database.amputees:
        last = "last movement is" if absent == 1 else f"last {absent} movements are"
        notes.append(f"its {last} absent: the file may be incomplete, compare its size with the original's")
    resembles = shorter(contents, database, exercise) if database.amputees else ()
    return registry.Piece(
        signal=signal,
        movement=movement,
        repetition=repetition.astype(np.int16),
        notes=tuple(notes),
        resembles=tuple(other.dataset_name(one) for other, one in resembles),
    )


def _label_pair(fields: dict) -> tuple[str, str]:
    """Returns the names of the labels to use: the refined labels, or else the plain ones."""
    pair = next((pair for pair in _LABELS if all(name in fields for name in pair)), None)
    if pair is None or "emg" not in fields:
        raise UnusableError(
            f"incomplete: it needs emg and restimulus with rerepetition, or stimulus with repetition; "
            f"it has {', '.join(fields) or 'none of these'}"
        )
    return pair


def _refusal(
    message: str, contents: Contents | None, database: Database, exercise: Exercise, *, subject: int
) -> UnusableError:
    """Returns the error for a file that does not fit; its remedy names the database that the file looks like."""
    remedy = advise(contents, database, exercise, subject=subject) if contents else ""
    return UnusableError(message, remedy=remedy) if remedy else UnusableError(message)


def _signal(emg: np.ndarray, channels: int) -> np.ndarray:
    """Returns `emg` as float32 `[N, C]`; missing channels are zeros."""
    signal = np.zeros((len(emg), channels), np.float32)
    with np.errstate(over="ignore"):  # it becomes infinite, which is refused
        signal[:, : emg.shape[1]] = emg
    if not np.isfinite(signal).all():
        sample, channel = np.argwhere(~np.isfinite(signal))[0]
        raise UnusableError(f"emg is not finite, first at sample {sample} of channel {channel + 1}")
    return signal


def _whole_numbers(fields: dict[str, np.ndarray], name: str) -> np.ndarray:
    """Returns a field that is a row or column of whole numbers as int64 `[N]`."""
    values = fields[name]
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "iuf":
        raise UnusableError(f"{name} is not a numeric array")
    if values.size != max(values.shape, default=1):
        raise UnusableError(f"{name} must be one column, not {list(values.shape)}")
    if values.dtype.kind == "f" and not (np.abs(values) < 2**31).all() & (values == np.rint(values)).all():
        raise UnusableError(f"{name} has values that are not whole numbers")
    return values.reshape(-1).astype(np.int64)


def _movement(labels: np.ndarray, name: str, exercise: Exercise) -> np.ndarray:
    """Returns class indices `[N]` int16 of labels."""
    classes = exercise.classes(set(np.unique(labels[labels != 0]).tolist()))
    if classes is None:
        used = labels[labels != 0]
        raise UnusableError(
            f"{name} has labels from {used.min()} to {used.max()}; allowed are 0 (rest) and "
            f"{exercise.first_label} to {exercise.last_label}"
        )
    movement = np.full(len(labels), UNLABELLED, np.int16)
    for label, index in classes.items():
        movement[labels == label] = index
    return movement


def write_mat(recording: Recording, path: str | Path, *, exercise: str = "B", database: str = "DB2") -> None:
    """Writes a recording as a Ninapro file (MATLAB v5); replaces `path` only by the complete file.

    The refined and the plain labels are the same. Unlabelled samples get label and repetition 0.

    Args:
        recording: its classes must fit the exercise.
        path: the file; `read` finds `S{n}_E{e}_A1.mat` (DB1: `S{n}_A1_E{e}.mat`).
        exercise: `A`, `B`, `C` or `D`: sets the field `exercise` and the first label.
        database: the database of the exercise.
    """
    labelled = recording.movement != UNLABELLED
    written_as = get_database(database).exercise(exercise)
    label = np.where(labelled, recording.movement.astype(np.int16) + written_as.first_label, 0)
    repetition = np.where(labelled, recording.repetition, 0)
    fields = {"emg": recording.signal}
    for label_name, repetition_name in _LABELS:
        fields[label_name] = label.astype(np.int8)
        fields[repetition_name] = repetition.astype(np.int8)
    fields["subject"] = np.asarray(recording.subject, np.int16)
    fields["exercise"] = np.asarray(written_as.number, np.int16)
    matlab.save(path, fields)


def _register(database: Database) -> list[registry.DatasetSpec]:
    """Registers one database, exercise by exercise."""
    specs = []
    for exercise in database.exercises:
        file_name = re.escape(database.file_name.format(subject="NUMBER", exercise=exercise.number))
        spec = registry.DatasetSpec(
            name=database.dataset_name(exercise),
            rate_hz=database.rate_hz,
            channel_names=database.channel_names,
            movement_names=exercise.movement_names,
            unit="V",  # of the amplifier's output in DB1, of the electrodes in the others
            files=(file_name.replace("NUMBER", r"(\d+)"), *database.archives),
            read=functools.partial(read, database=database.name, exercise=exercise.letter),
            splits=database.splits,
            envelope=database.envelope,
            download=(
                f"Ninapro {database.name} may not be redistributed: register at https://ninapro.hevs.ch, download "
                f"the files of {database.name} there and put them in one folder, zipped or not. "
                f"Cite {database.citation}."
            ),
            remark=database.remark,
        )
        specs.append(registry.register(spec))
    return specs


SPECS = tuple(spec for database in DATABASES for spec in _register(database))
