"""Which Ninapro database a file is of, by what it holds: a file's name says too little.

Databases 2, 3, 4, 5 and 7 give their files the same names, and files are renamed. Where subjects have no hand,
movements may be absent, and one file is not enough: `finjax.data.lookalikes` then judges all subjects together.
"""

import dataclasses

import numpy as np

from finjax.data.electrodes import is_envelope
from finjax.data.ninapro_databases import DATABASES, Database, Exercise

FEWEST_SEGMENTS = 20  # to judge their length by; an original file has a hundred
SHORTEST_S, LONGEST_S = 0.6, 30.0  # of the median movement: 2 to 5 s are recorded, and rates differ tenfold


@dataclasses.dataclass(frozen=True, kw_only=True)
class Contents:
    """What a file holds, as far as databases differ in it.

    Attributes:
        channels: columns of `emg`.
        envelope: whether `emg` is a rectified envelope.
        labels: those of movements, without 0 (rest).
        repetitions: largest repetition of the median movement.
        segments: number of stretches of one movement and repetition.
        segment_samples: length of the median one.
        exercise: the file's field of that name; None where it has none.
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
        """Looks at a file.

        Args:
            emg: `[N, C]`.
            labels: `[N]` 0 at rest.
            repetition: `[N]`.
            exercise: the file's field of that name.
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


def misfits(contents: Contents, database: Database, exercise: Exercise) -> list[str]:
    """Returns in what a file differs from those of a database's exercise; nothing where it may be one."""
    found = []
    if contents.channels not in database.channel_counts:
        found.append(f"it has {contents.channels} channels and not {database.channel_counts[-1]}")
    if contents.labels and exercise.classes(set(contents.labels)) is None:
        found.append(
            f"it has labels from {min(contents.labels)} to {max(contents.labels)} and not "
            f"from {exercise.first_label} to {exercise.last_label}"
        )
    elif not contents.labels <= set(exercise.labels) and contents.exercise not in (None, exercise.number):
        found.append(
            f"its labels do not begin at {exercise.first_label}, and its field exercise says {contents.exercise}, "
            f"not {exercise.number}"
        )
    seconds = contents.segment_samples / database.rate_hz
    if contents.segments >= FEWEST_SEGMENTS and not SHORTEST_S <= seconds <= LONGEST_S:
        found.append(f"at {database.rate_hz:g} Hz its movements would last {seconds:.2g} s and not 2 to 5 s")
    if contents.repetitions > database.repetitions:
        found.append(f"it has {contents.repetitions} repetitions and not {database.repetitions}")
    if contents.envelope and not database.envelope:
        found.append("its signal is a rectified envelope")
    if database.envelope and not contents.envelope:
        found.append("its signal is no rectified envelope")
    return found


def lookalikes(contents: Contents) -> list[tuple[Database, Exercise]]:
    """Returns the exercises of which a file has every movement, and which it fits in all else."""
    return [
        (database, exercise)
        for database in DATABASES
        for exercise in database.exercises
        if len(contents.labels) == len(exercise.movement_names) and not misfits(contents, database, exercise)
    ]


def shorter(contents: Contents, database: Database, exercise: Exercise) -> list[tuple[Database, Exercise]]:
    """Returns the exercises with fewer movements of which a file may be too, whether it has every one or not.

    Args:
        contents: what the file holds.
        database: what it was taken for.
        exercise: likewise. Where the file's field `exercise` has its number, others must have that number too.
    """
    same_number = contents.exercise == exercise.number
    return [
        (other, one)
        for other in DATABASES
        for one in other.exercises
        if len(one.movement_names) < len(exercise.movement_names)
        and (one.number == exercise.number or not same_number)
        and not misfits(contents, other, one)
    ]


def foreign(contents: Contents, database: Database, exercise: Exercise) -> tuple[list[str], bool]:
    """Judges whether a file is of another database than it was taken for.

    Args:
        contents: what the file holds.
        database: what it was taken for.
        exercise: likewise.

    Returns:
        What speaks against it, and whether that is certain. Where subjects have no hand, movements may be absent:
        a file that has exactly the movements of another exercise is only suspect. Otherwise it is refused even if it
        has only most of these.
    """
    if reasons := misfits(contents, database, exercise):
        return reasons, True
    others = shorter(contents, database, exercise)
    have, due = len(contents.labels), len(exercise.movement_names)
    enough = 1.0 if database.amputees else 0.5  # of a few movements alone, nobody can tell which exercise it is
    if not any(have >= enough * len(one.movement_names) for _, one in others):
        return [], False
    return [f"it has {have} movements; exercise {exercise.letter} has {due}"], not database.amputees


def advice(contents: Contents, database: Database, exercise: Exercise, *, subject: int) -> str:
    """Says which database a file looks like, and how to read it; empty where none is known.

    Args:
        contents: what the file holds.
        database: what it was taken for.
        exercise: likewise.
        subject: whose file it is.
    """
    found = lookalikes(contents) or shorter(contents, database, exercise)
    found = [pair for pair in found if pair[1].number == exercise.number] or found  # a name tells the exercise first
    if not found:
        return ""
    looks = " or ".join(f"{other.name}, exercise {one.letter}" for other, one in found)
    names = " or ".join(f"--config.data.name={other.dataset_name(one)}" for other, one in found)
    other, one = found[0]
    now, original = (
        which.file_name.format(subject=subject, exercise=what.number)
        for which, what in ((database, exercise), (other, one))
    )
    rename = f"give it its original name {original} and " if now != original else ""
    return f"It looks like Ninapro {looks}: {rename}use {names}"
