"""Judges the result of reading a damaged file: refused by finjax, read as something sound, or a fault of finjax."""

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
CUT = "are cut to the shortest"  # part of the note on arrays of different lengths


def judge(kind: str, seed: int, sources: Path) -> tuple[str, str]:
    """Damages a copy of a source, reads it, and returns the verdict.

    Args:
        kind: a key of `LOADERS`.
        seed: which damage.
        sources: folder of sound inputs, as `write_sources` writes it.

    Returns:
        `REFUSED`, `LOADED`, `WRONG` or `RAW` (an error that is not finjax's own), and a text: what was changed, and
        the error or what is wrong.
    """
    rng = random.Random(f"{kind} {seed}")
    with tempfile.TemporaryDirectory() as temporary:
        folder = shutil.copytree(sources / kind, Path(temporary) / "input")
        what = rng.choice(CHANGES[kind])(rng, folder)
        samples = _count_text_lines(folder)
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


def _count_text_lines(folder: Path) -> int:
    """Returns the number of lines that are not empty, in all files with a name as in 3DC."""
    (pattern,) = get_spec("three_dc").files
    files = [path for path in folder.rglob("*.txt") if re.search(pattern + "$", path.as_posix())]
    return sum(bool(line.strip()) for path in files for line in path.read_bytes().splitlines())


def _wrong_recording(recording: Recording, *, samples: int) -> str:
    """Returns what is wrong with a recording, or an empty text; `samples` is the number in text files, else 0."""
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
    """Returns a digest of everything that a loaded model holds."""
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
