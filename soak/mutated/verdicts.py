"""What reading a damaged file came to: a refusal in finjax's own words, a sound result, or a fault of finjax."""

import hashlib
import random
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from finjax.data.recording import Recording
from finjax.data.registry import get_spec
from finjax.errors import FinjaxError
from finjax.system import digests
from soak.mutated.changes import CHANGES
from soak.mutated.sources import LOADERS

REFUSED, LOADED, WRONG, RAW = "refused", "loaded", "wrong load", "raw error"
CUT = "are cut to the shortest"  # in the note on arrays of different lengths


def judge(kind: str, seed: int, sources: Path) -> tuple[str, str]:
    """Damages a copy of a source, reads it, and says what it came to.

    Args:
        kind: a key of `LOADERS`.
        seed: which damage.
        sources: folder of sound inputs, as `write_sources` writes it.

    Returns:
        `REFUSED`, `LOADED`, `WRONG` or `RAW` (an error that is not finjax's own), and what was changed, with what
        was said or is wrong.
    """
    rng = random.Random(f"{kind} {seed}")
    with tempfile.TemporaryDirectory() as place:
        folder = shutil.copytree(sources / kind, Path(place) / "input")
        what = rng.choice(CHANGES[kind])(rng, folder)
        samples = _lines_of_text(folder)
        try:
            loaded = LOADERS[kind](folder)
        except FinjaxError as error:
            return REFUSED, f"{what}: {error}"
        except Exception as error:
            return RAW, f"{what}: {type(error).__name__}: {error}"
        if isinstance(loaded, Recording):
            wrong = _wrong_recording(loaded, samples=samples)
        else:
            expected = (sources / f"{kind}.sha256").read_text(encoding="utf-8")
            wrong = "" if fingerprint(loaded) == expected else "it is another model"
    return (WRONG, f"{what}: {wrong}") if wrong else (LOADED, what)


def _lines_of_text(folder: Path) -> int:
    """Counts the lines with something in them, of the files that go by a name of 3DC's."""
    (pattern,) = get_spec("three_dc").files
    files = [path for path in folder.rglob("*.txt") if re.search(pattern + "$", path.as_posix())]
    return sum(bool(line.strip()) for path in files for line in path.read_bytes().splitlines())


def _wrong_recording(recording: Recording, *, samples: int) -> str:
    """Says what is wrong with a recording that was read; `samples` that text files hold, 0 of other files."""
    signal, movement, repetition = recording.signal, recording.movement, recording.repetition
    channels, classes = len(recording.channel_names), len(recording.movement_names)
    expected = samples or 1200
    cut = any(CUT in note for note in recording.notes)
    if signal.shape[1] != channels or not len(signal) == len(movement) == len(repetition):
        return f"shapes {signal.shape}, {movement.shape}, {repetition.shape}"
    if len(signal) > expected or (len(signal) < expected and not cut):
        return f"{len(signal)} samples of {expected}"
    if not np.isfinite(signal).all():
        return "not finite"
    if not -1 <= movement.min() <= movement.max() < classes or not 0 <= repetition.min() <= repetition.max() <= 99:
        return f"labels {movement.min()} to {movement.max()}, repetitions {repetition.min()} to {repetition.max()}"
    return ""


def fingerprint(model: Any) -> str:
    """Returns a digest of everything that a loaded model is."""
    if isinstance(model, tuple):  # a training state, and its progress
        parts = [digests.of_arrays(model[0]), digests.of_json(model[1])]
    elif hasattr(model, "_program"):  # exported
        described = {name: value for name, value in vars(model).items() if not name.startswith("_")}
        parts = [digests.of_json(described), digests.of_arrays(model._arrays), model._program.mlir_module()]
    else:
        described = {name: repr(value) for name, value in vars(model).items() if name not in ("params", "stats")}
        trees = {"params": model.params, "stats": getattr(model, "stats", {})}
        arrays = {"signal": vars(model.signal), "feature": vars(model.feature)}
        parts = [digests.of_json(described), digests.of_arrays(trees), digests.of_arrays(arrays)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
