"""Recognises the Ninapro database of a file by its content, because its name is not enough.

Databases 2, 3, 4, 5 and 7 give their files the same names, and users rename files. If subjects have no hand, movements
may be absent and one file is not enough: `finjax.data.lookalikes` then judges all subjects together.
"""

import dataclasses

import numpy as np

from finjax.data.electrodes import is_envelope
from finjax.data.ninapro_databases import DATABASES, Database, Exercise

FEWEST_SEGMENTS = 20  # needed to judge their length; an original file has a hundred
SHORTEST_S, LONGEST_S = 0.6, 30.0  # of the median movement: recorded are 2 to 5 s; sampling rates differ by 10


@dataclasses.dataclass(frozen=True, kw_only=True)
class Contents:
    """The properties of a file in which databases differ.

    Attributes:
        channels: columns of `emg`.
        envelope: whether `emg` is a rectified envelope.
        labels: of the movements, without 0 (rest).
        repetitions: largest repetition of the median movement.
        segments: number of segments, each of one movement and repetition.
        segment_samples: their median length.
        exercise: the file's field `exercise`, or None.
    """

    channels: int
    envelope: bool
    labels: frozenset[int]
    repetitions: int
    segments: int
    segment_samples: float
    exercise: int | None = None

    @classmethod
    def of(
        cls, emg: np.ndarray, labels: np.ndarray, repetition: np.ndarray, *, exercise: int | None = None
    ) -> "Contents":
        """Collects the properties of a file.

        Args:
            emg: `[N, C]`.
            labels: `[N]`, 0 at rest.
            repetition: `[N]`.
            exercise: the file's field `exercise`, or None.
        """
        cut = np.flatnonzero((np.diff(labels) != 0) | (np.diff(repetition) != 0)) + 1
        start = np.concatenate([[0], cut])
        lengths = np.diff(np.append(start, len(labels)))
        moving = (labels[start] != 0) & (repetition[start] != 0)
        movement, number = labels[start][moving], repetition[start][moving]
        present = np.unique(movement)
        largest = [number[movement == one].max() for one in present]
        return cls(
            channels=emg.shape[1],
            envelope=is_envelope([emg]),
            labels=frozenset(present.tolist()),
            repetitions=int(np.median(largest)) if largest else 0,
            segments=int(moving.sum()),
            segment_samples=float(np.median(lengths[moving])) if moving.any() else 0.0,
            exercise=exercise,
        )


def differences(contents: Contents, database: Database, exercise: Exercise) -> list[str]:
    """Returns how a file differs from those of a database's exercise; an empty list if it may be one of them."""
    found: list[str] = []
    if contents.channels not in database.channel_counts:
        found.append(f"it has {contents.channels} channels, not {database.channel_counts[-1]}")
    if contents.labels and exercise.classes(set(contents.labels)) is None:
        found.append(
            f"it has labels from {min(contents.labels)} to {max(contents.labels)}, not "
            f"from {exercise.first_label} to {exercise.last_label}"
        )
    elif not contents.labels <= set(exercise.labels) and contents.exercise not in (None, exercise.number):
        found.append(
            f"its labels do not begin at {exercise.first_label}, and its field exercise says {contents.exercise}, "
            f"not {exercise.number}"
        )
    seconds = contents.segment_samples / database.rate_hz
    if contents.segments >= FEWEST_SEGMENTS and not SHORTEST_S <= seconds <= LONGEST_S:
        found.append(f"at {database.rate_hz:g} Hz its movements would last {seconds:.2g} s, not 2 to 5 s")
    if contents.repetitions > database.repetitions:
        found.append(f"it has {contents.repetitions} repetitions, not {database.repetitions}")
    if contents.envelope and not database.envelope:
        found.append("its signal is a rectified envelope")
    if database.envelope and not contents.envelope:
        found.append("its signal is not a rectified envelope")
    return found


def lookalikes(contents: Contents) -> list[tuple[Database, Exercise]]:
    """Returns the exercises that a file matches, with all their movements."""
    return [
        (database, exercise)
        for database in DATABASES
        for exercise in database.exercises
        if len(contents.labels) == len(exercise.movement_names) and not differences(contents, database, exercise)
    ]


def shorter(contents: Contents, database: Database, exercise: Exercise) -> list[tuple[Database, Exercise]]:
    """Returns the exercises with fewer movements that a file may be of too, even if movements are absent.

    Args:
        contents: of the file.
        database: the database that it was read as.
        exercise: the exercise that it was read as. If the file's field `exercise` agrees, the others must too.
    """
    same_number = contents.exercise == exercise.number
    return [
        (other, one)
        for other in DATABASES
        for one in other.exercises
        if len(one.movement_names) < len(exercise.movement_names)
        and (one.number == exercise.number or not same_number)
        and not differences(contents, other, one)
    ]


def judge(contents: Contents, database: Database, exercise: Exercise) -> tuple[list[str], bool]:
    """Judges whether a file is of another database or exercise than it was read as.

    Args:
        contents: of the file.
        database: the database that it was read as.
        exercise: the exercise that it was read as.

    Returns:
        The reasons, and whether they are certain. If subjects have no hand, movements may be absent: a file with
        exactly the movements of another exercise is only suspect. Otherwise most of these movements are enough.
    """
    if reasons := differences(contents, database, exercise):
        return reasons, True
    others = shorter(contents, database, exercise)
    have, expected = len(contents.labels), len(exercise.movement_names)
    enough = 1.0 if database.amputees else 0.5  # a few movements do not show which exercise it is
    if not any(have >= enough * len(one.movement_names) for _, one in others):
        return [], False
    return [f"it has {have} movements; exercise {exercise.letter} has {expected}"], not database.amputees


def advise(contents: Contents, database: Database, exercise: Exercise, *, subject: int) -> str:
    """Returns which database a file looks like, and how to read it; empty if unknown.

    Args:
        contents: of the file.
        database: the database that it was read as.
        exercise: the exercise that it was read as.
        subject: number of the file's subject.
    """
    found = lookalikes(contents) or shorter(contents, database, exercise)
    found = [pair for pair in found if pair[1].number == exercise.number] or found  # a name shows the exercise
    if not found:
        return ""
    looks = " or ".join(f"{other.name}, exercise {one.letter}" for other, one in found)
    names = " or ".join(other.dataset_name(one) for other, one in found)
    other, one = found[0]
    now, original = (
        which.file_name.format(subject=subject, exercise=what.number)
        for which, what in ((database, exercise), (other, one))
    )
    rename = f"give it its original name {original} and " if now != original else ""
    return f"It looks like Ninapro {looks}: {rename}use the dataset {names}"
