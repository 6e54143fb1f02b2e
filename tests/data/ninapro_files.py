"""Small Ninapro files for the tests of their reader."""

import zipfile

import numpy as np
import pytest
import scipy.io

from finjax.data import loading, ninapro
from finjax.data.ninapro_databases import get_database
from finjax.data.recording import UNLABELLED, Recording
from finjax.data.registry import get_spec
from finjax.errors import DataError

DB2 = get_spec("ninapro_db2")
SAMPLES = 1200


def make_recording(*, subject=1, channels=12, spec=DB2, samples=SAMPLES):
    """Rest, class 0 twice, rest, the last class once: 200 or 300 samples each."""
    last = len(spec.movement_names) - 1
    movement = np.full(samples, UNLABELLED, np.int16)
    repetition = np.zeros(samples, np.int16)
    for start, stop, index, number in ((200, 400, 0, 1), (500, 700, 0, 2), (800, 1100, last, 1)):
        movement[start:stop], repetition[start:stop] = index, number
    return Recording(
        dataset=spec.name,
        subject=subject,
        signal=np.random.default_rng(subject).normal(size=(samples, channels)).astype(np.float32),
        movement=movement,
        repetition=repetition,
        rate_hz=spec.rate_hz,
        channel_names=tuple(f"c{number}" for number in range(channels)),
        movement_names=spec.movement_names,
    )


def write(folder, *, drop=(), **changes):
    """Writes subject 1's file, with some fields replaced or dropped; returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "S1_E1_A1.mat"
    ninapro.write_mat(make_recording(), path)
    if drop or changes:
        fields = {key: value for key, value in scipy.io.loadmat(path).items() if not key.startswith("__")}
        fields = {key: value for key, value in (fields | changes).items() if key not in drop}
        scipy.io.savemat(path, fields)
    return path


def read(folder, spec=DB2):
    found = spec.find(folder)
    assert list(found) == [1]
    return loading.read_recording(spec, 1, found[1])


def write_database(folder, name, letter, *, subject=1, file_name="", movements=(), seconds=0.7, **changes):
    """Writes a subject's file as one of the exercise of a database: all repetitions of all movements, without rest.

    Args:
        movements: indices of those that are there; by default all.
        file_name: instead of the database's own.
        changes: fields to replace.
    """
    database = get_database(name)
    exercise = database.exercise(letter)
    length = round(seconds * database.rate_hz)
    movements = movements or range(len(exercise.movement_names))
    labels = [(movement, repetition) for movement in movements for repetition in range(1, database.repetitions + 1)]
    noise = np.random.default_rng(subject).integers(-99, 99, (500, len(database.channel_names)))
    signal = np.resize(noise, (len(labels) * length, len(database.channel_names)))  # repeated, so that it packs well
    recording = Recording(
        dataset=database.dataset_name(exercise),
        subject=subject,
        signal=(np.abs(signal) if database.envelope else signal).astype(np.float32),
        movement=np.repeat([movement for movement, _ in labels], length).astype(np.int16),
        repetition=np.repeat([repetition for _, repetition in labels], length).astype(np.int16),
        rate_hz=database.rate_hz,
        channel_names=database.channel_names,
        movement_names=exercise.movement_names,
    )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (file_name or database.file_name.format(subject=subject, exercise=exercise.number))
    ninapro.write_mat(recording, path, exercise=letter, database=name)
    if changes:
        fields = {key: value for key, value in scipy.io.loadmat(path).items() if not key.startswith("__")}
        scipy.io.savemat(path, fields | changes, do_compression=True)
    return path


def refuses(folder, message, spec=DB2, remedy="Download it again"):
    with pytest.raises(DataError, match=message) as caught:
        read(folder, spec)
    assert str(folder) in str(caught.value)
    assert remedy in str(caught.value) and "or leave subject" in str(caught.value)


def check_equals_original(recording):
    original = make_recording()
    np.testing.assert_array_equal(recording.signal, original.signal)
    np.testing.assert_array_equal(recording.movement, original.movement)
    np.testing.assert_array_equal(recording.repetition, original.repetition)
    np.testing.assert_array_equal(recording.segments(), [[200, 400, 0, 1], [500, 700, 0, 2], [800, 1100, 16, 1]])


def zip_up(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
