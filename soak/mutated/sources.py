"""Small sound input files of every kind that finjax reads, and a function that reads each kind."""

import dataclasses
import io
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import scipy.io

from finjax.data import loading, ninapro, synthetic, three_dc  # noqa: F401  (they register their datasets)
from finjax.data.recording import Recording
from finjax.data.registry import get_spec
from finjax.training.checkpoints import Checkpoints
from finjax.training.optimiser import Group, Optimiser
from finjax.training.step import TrainState, create_state

SAMPLES = 1200
MAT, ARCHIVE, TEXT = "S1_E1_A1.mat", "DB2_s1.zip", "Participant1/train/EMG/3dc_EMG_gesture_0_{movement}.txt"
MODEL = "model.finjax"


def mat_fields() -> dict[str, np.ndarray]:
    """Returns the fields of a file of Ninapro DB2: rest, movement 1 twice, rest, movement 17."""
    label, repetition = np.zeros((2, SAMPLES, 1), np.int8)
    for start, stop, movement, number in ((200, 400, 1, 1), (500, 700, 1, 2), (800, 1100, 17, 1)):
        label[start:stop], repetition[start:stop] = movement, number
    signal = np.random.default_rng(0).normal(scale=1e-4, size=(SAMPLES, 12)).astype(np.float32)
    return {
        "emg": signal, "restimulus": label, "rerepetition": repetition, "stimulus": label, "repetition": repetition,
        "subject": np.array([[1]], np.int16), "exercise": np.array([[1]], np.int16),
    }  # fmt: skip


def mat_5(fields: dict, *, compressed: bool = True) -> bytes:
    """Returns a MATLAB v5 file."""
    file = io.BytesIO()
    scipy.io.savemat(file, fields, do_compression=compressed)
    return file.getvalue()


def mat_73(fields: dict) -> bytes:
    """Returns a MATLAB v7.3 file: HDF5 behind MATLAB's own header."""
    file = io.BytesIO()
    with h5py.File(file, "w", userblock_size=512) as mat:
        for number, (name, values) in enumerate(fields.items()):
            packed = {"compression": "gzip", "chunks": True} if number == 0 and values.size > 1 else {}
            mat.create_dataset(name, data=values.T, **packed)
    return b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(512) + file.getvalue()[512:]


def zipped(members: dict[str, bytes]) -> bytes:
    """Returns a zip archive."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def unzipped(path: Path) -> dict[str, bytes]:
    """Returns the members of a zip archive by name."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def text(movement: int) -> bytes:
    """Returns a file of 3DC, 60 samples; as in the original files, its last line has no line end."""
    counts = np.random.default_rng(movement).normal(40, 300, size=(60, 10)).astype(int)
    return "\n".join(",".join(map(str, row)) for row in counts).encode()


def write_sources(folder: Path, *, run: Path, export: Path) -> None:
    """Writes one sound input of each kind to a folder of its own.

    Args:
        folder: target folder.
        run: a finished run; its newest checkpoint is copied.
        export: an exported model.
    """
    fields = mat_fields()
    files = {
        "mat": {MAT: mat_5(fields)},
        "mat_plain": {MAT: mat_5(fields, compressed=False)},
        "mat_73": {MAT: mat_73(fields)},
        "zip": {ARCHIVE: zipped({f"DB2_s1/{MAT}": mat_5(fields), "DB2_s1/S1_E2_A1.mat": b"another exercise"})},
        "three_dc": {TEXT.format(movement=movement): text(movement) for movement in (0, 1)},
        "export": {MODEL: export.read_bytes()},
    }
    for kind, contents in files.items():
        for name, content in contents.items():
            path = folder / kind / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    newest = max((run / "checkpoints").iterdir(), key=lambda path: int(path.name) if path.name.isdigit() else -1)
    shutil.copytree(newest, folder / "checkpoint" / "checkpoints" / newest.name)
    write_training_state(folder / "resume")


def write_training_state(folder: Path) -> None:
    """Writes a checkpoint to resume from."""
    with Checkpoints(folder) as checkpoints:
        normalisers = {"signal": {"mean": np.ones((2, 12), np.float32)}}
        checkpoints.save(
            dataclasses.replace(training_state(fill=0.5), step=np.int32(4)),
            normalisers=normalisers, info={"kind": "toy"},
            progress={"step": 4, "best": 0.25}, loss=0.25,
        )  # fmt: skip


def training_state(*, fill: float) -> TrainState:
    """Returns a small training state, with the state of its optimiser."""
    params = {"dense": {"kernel": np.full((40, 50), fill, np.float32), "bias": np.full(50, fill, np.float32)}}
    params["dense"]["kernel"] += np.random.default_rng(0).normal(size=(40, 50)).astype(np.float32) * fill
    return create_state(params, {}, Optimiser(groups=(Group(learning_rate=0.1),)))


def load_training_state(folder: Path) -> tuple[TrainState, dict]:
    """Restores the state and the progress that a run resumes from."""
    with Checkpoints(folder) as checkpoints:
        return checkpoints.restore(training_state(fill=0.0), 4)


def load_recording(dataset: str) -> Callable[[Path], Recording]:
    """Returns a function that reads a recording of a dataset as a training run does."""

    def load(folder: Path) -> Recording:
        spec = get_spec(dataset)
        (recording,) = loading.load_recordings(spec, folder, cache_dir=folder / ".cache", progress=False)
        return recording

    return load


def load_model(folder: Path) -> Any:
    """Loads a run, or the exported model in a folder."""
    import finjax

    return finjax.load(folder / MODEL if (folder / MODEL).exists() else folder)


LOADERS = {
    "mat": load_recording("ninapro_db2"),
    "mat_plain": load_recording("ninapro_db2"),
    "mat_73": load_recording("ninapro_db2"),
    "zip": load_recording("ninapro_db2"),
    "three_dc": load_recording("three_dc"),
    "checkpoint": load_model,
    "resume": load_training_state,
    "export": load_model,
}
