"""A small dataset of text files for the tests of loading."""

from pathlib import Path

import numpy as np

from finjax.data.registry import DatasetSpec, Piece, Splits
from finjax.errors import DataError


def make_piece(samples=100, value=1.0, movement=0):
    return Piece(
        signal=np.full((samples, 2), value),
        movement=np.full(samples, movement),
        repetition=np.ones(samples, int),
    )


def read_toy(paths):
    """A file's text is the value of its samples."""
    text = paths[0].read_text()
    if not text.isdigit():
        raise DataError(f"{paths[0]}: {text!r} is not a number")
    return [make_piece(value=float(text))]


TOY = DatasetSpec(
    name="toy",
    rate_hz=100.0,
    channel_names=("a", "b"),
    movement_names=("x", "y"),
    files=(r"s(\d+)\.txt",),
    read=read_toy,
    splits=Splits(seen_subjects="1", train_repetitions="1", test_repetitions="2"),
)


def write_toy(folder: Path) -> Path:
    """Writes files of subjects 1, 2, 3, 5 and 10."""
    folder.mkdir()
    for subject in (1, 2, 3, 5, 10):
        (folder / f"s{subject}.txt").write_text(str(subject))
    return folder
