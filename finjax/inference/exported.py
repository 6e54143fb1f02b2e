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
from numpy.typing import ArrayLike

from finjax.data.recording import Recording
from finjax.data.zscore import normalised
from finjax.devices.defaults import with_defaults
from finjax.devices.require import require_devices
from finjax.errors import CheckpointError, FinjaxError, StorageError
from finjax.inference.programs import read_program
from finjax.system import digests
from finjax.system.archives import read_member
from finjax.system.arithmetic import numpy_defaults
from finjax.system.files import reading_errors, whole_file

VERSION = 2  # raised when older files can no longer be read
DESCRIPTION, PROGRAM = "model.json", "program.bin"
ARRAYS = ("mean", "std", "limit")  # each in its own file
MISSING = (
    "exported models need flatbuffers, which is not installed: pip install flatbuffers, or in a checkout "
    "pip install '.[export]'"
)
MAX_PART_BYTES = 2**30  # largest size of an unpacked part of the file


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportedModel:
    """A trained model as a compiled program, with its normalisers and names.

    Attributes:
        kind: `"fin"`, or the stage of a decoder: `"cnn"`, `"fine_tune"`, `"raw_cnn"`.
        config: the configuration it was trained with, JSON.
        rate_hz: sampling rate of its training data.
        dataset: name of its training data.
        length: samples T in a window.
        horizon_ms: how far ahead of its window it predicts.
        target: the feature that a FIN outputs; empty for a decoder.
        channel_names: C names; none for a FIN, which takes any channel.
        movement_names: names of the K classes; none for a FIN.
        subjects: subjects whose z-scores it holds.
        platforms: what the program was compiled for.
        unit: unit of its training data; empty: not known.
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
    unit: str = ""  # older files do not have it
    _program: Any = dataclasses.field(repr=False)
    _arrays: dict[str, np.ndarray] = dataclasses.field(repr=False)

    def __getstate__(self) -> dict[str, Any]:
        """Returns the fields to copy or pickle, with the program as bytes."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {**fields, "_program": bytes(self._program.serialize())}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _program=export.deserialize(bytearray(state["_program"])))

    @numpy_defaults()
    def normalise(self, recording: Recording) -> np.ndarray:
        """Z-scores a recording, as `finjax.inference.model.Model.normalise` does; `[N, C]`."""
        return normalised(
            recording,
            rate_hz=self.rate_hz,
            dataset=self.dataset,
            unit=self.unit,
            subjects=self.subjects,
            mean=self._arrays["mean"],
            std=self._arrays["std"],
            limit=self._arrays["limit"],
        )

    @with_defaults
    def run(self, windows: ArrayLike) -> np.ndarray:
        """Z-scored windows → logits or feature values: `[B, C, T]` → `[B, K]` (decoder), `[B, T]` → `[B]` (FIN).

        Raises:
            ValueError: the windows have another shape, or there are none.
        """
        windows = np.asarray(windows, np.float32)
        shape = (self.length,) if self.kind == "fin" else (len(self.channel_names), self.length)
        if windows.shape[1:] != shape or windows.ndim != len(shape) + 1 or not len(windows):
            raise ValueError(f"this model takes windows [B, {', '.join(map(str, shape))}], not {windows.shape}")
        return np.asarray(self._program.call(windows))

    @with_defaults
    def probabilities(self, windows: ArrayLike) -> np.ndarray:
        """Z-scored windows `[B, C, T]` → probabilities of the movements `[B, K]`."""
        return np.asarray(jax.nn.softmax(self.run(windows)))

    def __call__(self, windows: ArrayLike) -> np.ndarray:
        """Movements `[B]`, as indices into `movement_names`, of a decoder; feature values `[B]` of a FIN."""
        found = self.run(windows)
        return found if self.kind == "fin" else found.argmax(axis=-1)


def write_exported(path: Path, *, description: dict, program: bytes, arrays: dict[str, np.ndarray]) -> None:
    """Writes a model file, replacing `path` only once it is complete."""
    sums = {"description": digests.of_json(description), "program": digests.of_bytes(program)}
    sums["arrays"] = digests.of_arrays(arrays)
    with whole_file(path) as partial, zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(DESCRIPTION, json.dumps({"version": VERSION, "digests": sums, **description}, indent=1))
        file.writestr(PROGRAM, program)
        for name in ARRAYS:
            packed = io.BytesIO()
            np.lib.format.write_array(packed, arrays[name], allow_pickle=False)
            file.writestr(f"{name}.npy", packed.getvalue())


@with_defaults
def load_exported(path: str | Path) -> ExportedModel:
    """Loads a model that `finjax export` wrote; runs only its program, which only computes.

    Raises:
        CheckpointError: the file is damaged, has another version, or was exported for other devices.
        DeviceError: JAX has no devices.
        StorageError: the machine cannot read the file.
        FinjaxError: flatbuffers is not installed.
    """
    require_devices()
    try:
        with reading_errors(Path(path)), zipfile.ZipFile(path) as file:
            model = _read(file)
    except StorageError:
        raise
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from error
    except ImportError as error:
        raise FinjaxError(MISSING) from error
    except Exception as error:  # zip, JSON, NumPy and the program's reader raise different ones
        raise CheckpointError(f"{path} is damaged or not a model file ({type(error).__name__}: {error})") from error
    if jax.default_backend() not in [{"cuda": "gpu", "rocm": "gpu"}.get(name, name) for name in model.platforms]:
        raise CheckpointError(
            f"{path} was exported for {', '.join(model.platforms)}, but JAX uses a {jax.default_backend()}: "
            "export the model again with --platforms"
        )
    return model


def _read(file: zipfile.ZipFile) -> ExportedModel:
    description = json.loads(read_member(file, DESCRIPTION, limit=MAX_PART_BYTES))
    version, sums = description.pop("version", None), description.pop("digests", {})
    if version != VERSION:
        raise CheckpointError(f"its format has version {version}; this finjax reads {VERSION}: export the model again")
    program = read_member(file, PROGRAM, limit=MAX_PART_BYTES)
    arrays = {
        name: np.lib.format.read_array(
            io.BytesIO(read_member(file, f"{name}.npy", limit=MAX_PART_BYTES)), allow_pickle=False
        )
        for name in ARRAYS
    }
    found = {"description": digests.of_json(description), "program": digests.of_bytes(program)}
    if sums != {**found, "arrays": digests.of_arrays(arrays)}:
        raise CheckpointError("the file is damaged, it does not hold what was written: export the model again")
    for field in ("channel_names", "movement_names", "subjects", "platforms"):
        description[field] = tuple(description[field])
    fields = ExportedModel(**description, _program=None, _arrays=arrays)
    _check_z_scores(fields)
    fin = fields.kind == "fin"
    window = (fields.length,) if fin else (len(fields.channel_names), fields.length)
    outputs = () if fin else (len(fields.movement_names),)
    return dataclasses.replace(fields, _program=read_program(program, window=window, outputs=outputs))


def _check_z_scores(model: ExportedModel) -> None:
    """Raises `CheckpointError` if the z-scores do not fit the subjects and channels, or are not valid."""
    mean, std, limit = (model._arrays[name] for name in ARRAYS)
    channels = len(model.channel_names) or mean.shape[-1]
    fits = mean.shape == std.shape == (len(model.subjects), channels) and limit.shape == ()
    if not fits or not np.isfinite(mean).all() or not ((std > 0) & np.isfinite(std)).all() or not limit > 0:
        raise CheckpointError(
            f"its z-scores {mean.shape}, {std.shape}, {limit.shape} do not fit {len(model.subjects)} subjects "
            f"and {channels} channels, or hold invalid numbers: export the model again"
        )
