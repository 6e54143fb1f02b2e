"""Models exported to one file, loaded with JAX and NumPy alone."""

import dataclasses
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax import export

from finjax.data.recording import Recording
from finjax.data.zscore import normalised
from finjax.errors import CheckpointError, FinjaxError

VERSION = 1  # raised when a file of before can no longer be read
DESCRIPTION, PROGRAM, ARRAYS = "model.json", "program.bin", "arrays.npz"
MISSING = "exported models take flatbuffers, which is not installed: pip install flatbuffers"
LARGEST = 2**30  # bytes that a part of the file may unpack to


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportedModel:
    """A trained model as a compiled program with all that is around it.

    Attributes:
        kind: `"fin"`, or the stage of a decoder: `"cnn"`, `"fine_tune"`, `"raw_cnn"`.
        config: the configuration it was trained with, JSON.
        rate_hz: sampling rate of its training data.
        dataset: name of its training data.
        length: samples T in a window.
        horizon_ms: how far ahead of its window it predicts.
        target: the feature that a FIN gives; empty for a decoder.
        channel_names: C names; none for a FIN, which takes any channel.
        movement_names: names of the K classes; none for a FIN.
        subjects: whose z-scores it holds.
        platforms: what the program was compiled for.
    """

    kind: str
    config: dict
    rate_hz: float
    dataset: str
    length: int
    horizon_ms: float
    target: str
    channel_names: tuple[str, ...]
    movement_names: tuple[str, ...]
    subjects: tuple[int, ...]
    platforms: tuple[str, ...]
    _program: Any = dataclasses.field(repr=False)
    _arrays: dict[str, np.ndarray] = dataclasses.field(repr=False)

    def normalise(self, recording: Recording) -> np.ndarray:
        """Z-scores a recording, as `finjax.restored.Model.normalise` does; `[N, C]`."""
        return normalised(
            recording,
            rate_hz=self.rate_hz,
            dataset=self.dataset,
            subjects=self.subjects,
            mean=self._arrays["mean"],
            std=self._arrays["std"],
            limit=self._arrays["limit"],
        )

    def run(self, windows) -> np.ndarray:
        """Z-scored windows, `[B, C, T]` of a decoder → logits `[B, K]`, `[B, T]` of a FIN → feature values `[B]`.

        Raises:
            ValueError: the windows have another shape, or there are none.
        """
        windows = np.asarray(windows, np.float32)
        shape = (self.length,) if self.kind == "fin" else (len(self.channel_names), self.length)
        if windows.shape[1:] != shape or windows.ndim != len(shape) + 1 or not len(windows):
            raise ValueError(f"this model takes windows [B, {', '.join(map(str, shape))}], not {windows.shape}")
        return np.asarray(self._program.call(windows))

    def probabilities(self, windows) -> np.ndarray:
        """Z-scored windows `[B, C, T]` → probabilities of the movements `[B, K]`."""
        return np.asarray(jax.nn.softmax(self.run(windows)))

    def __call__(self, windows) -> np.ndarray:
        """Movements `[B]`, as indices into `movement_names`, of a decoder; feature values `[B]` of a FIN."""
        found = self.run(windows)
        return found if self.kind == "fin" else found.argmax(axis=-1)


def write_exported(path: Path, *, description: dict, program: bytes, arrays: dict[str, np.ndarray]) -> None:
    """Writes a model file, replacing `path` only once it is complete."""
    packed = io.BytesIO()
    np.savez(packed, **arrays)
    partial = path.with_name(f".{path.name}.partial")
    partial.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(DESCRIPTION, json.dumps({"version": VERSION, **description}, indent=1))
        file.writestr(PROGRAM, program)
        file.writestr(ARRAYS, packed.getvalue())
    partial.replace(path)


def load_exported(path: str | Path) -> ExportedModel:
    """Loads a model that `python -m finjax.export` wrote; runs nothing but its program.

    Raises:
        CheckpointError: it is damaged, of another version, or was exported for other devices.
        FinjaxError: flatbuffers is not installed.
    """
    try:
        with zipfile.ZipFile(path) as file:
            description = json.loads(_part(file, DESCRIPTION))
            if description.get("version") != VERSION:
                raise CheckpointError(
                    f"{path} has version {description.get('version')} of the format; this finjax reads {VERSION}"
                )
            program = export.deserialize(bytearray(_part(file, PROGRAM)))
            with np.load(io.BytesIO(_part(file, ARRAYS)), allow_pickle=False) as stored:
                arrays = dict(stored)
        del description["version"]
        for field in ("channel_names", "movement_names", "subjects", "platforms"):
            description[field] = tuple(description[field])
        model = ExportedModel(**description, _program=program, _arrays=arrays)
    except CheckpointError:
        raise
    except ImportError as error:
        raise FinjaxError(MISSING) from error
    except Exception as error:  # zip, JSON, NumPy and the program's reader each have their own
        raise CheckpointError(f"{path} is damaged or no exported model ({type(error).__name__}: {error})") from error
    if jax.default_backend() not in [{"cuda": "gpu", "rocm": "gpu"}.get(name, name) for name in model.platforms]:
        raise CheckpointError(
            f"{path} was exported for {', '.join(model.platforms)}, and this is a {jax.default_backend()}: "
            "export it again with --platforms"
        )
    return model


def _part(file: zipfile.ZipFile, name: str) -> bytes:
    if file.getinfo(name).file_size > LARGEST:
        raise CheckpointError(f"{file.filename}: {name} would unpack to more than {LARGEST >> 20} MiB")
    return file.read(name)
