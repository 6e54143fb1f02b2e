"""The registry of datasets: what a dataset is, in one small specification, and how to find its files."""

import dataclasses
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from finjax.errors import DataError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Piece:
    """An uninterrupted stretch of one subject's recording, as a reader yields it.

    Attributes:
        signal: `[N, C]` samples in the dataset's own unit.
        movement: `[N]` index into the specification's `movement_names`, or `UNLABELLED`.
        repetition: `[N]` counted from 1.
        notes: what was odd about the file but could be put right.
    """

    signal: np.ndarray
    movement: np.ndarray
    repetition: np.ndarray
    notes: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Filter:
    """Zero-phase Butterworth band edges and a mains notch, in Hz; `None` leaves that part out."""

    highpass_hz: float | None = None
    lowpass_hz: float | None = None
    notch_hz: float | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Splits:
    """Which repetitions and subjects serve what, as number lists such as `1-25` or `1,3,4`.

    Attributes:
        seen_subjects: subjects whose training repetitions train the FINs.
        unseen_subjects: subjects no FIN ever trains on; empty means all the others.
        train_repetitions: repetitions that train the FINs.
        test_repetitions: repetitions kept for the final evaluation, of every subject.
        seen_tune_repetitions: repetitions that tune a decoder to a seen subject; empty means those that train.
        unseen_tune_repetitions: repetitions that tune one to an unseen subject, likewise.
    """

    seen_subjects: str
    unseen_subjects: str = ""
    train_repetitions: str
    test_repetitions: str
    seen_tune_repetitions: str = ""
    unseen_tune_repetitions: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class DatasetSpec:
    """All that finjax needs to know of a dataset.

    Attributes:
        name: the name in `--config.data.name`.
        rate_hz: sampling rate.
        channel_names: one name per electrode.
        movement_names: one name per class.
        files: regular expressions, matched against each file's path below the data directory
            (POSIX form); group 1 is the subject's number.
        read: one subject's files, sorted, to the pieces of that subject's recording.
        splits: the default split.
        filter: applied to each piece on its own.
        download: where a user gets the data; printed when nothing is found.
    """

    name: str
    rate_hz: float
    channel_names: tuple[str, ...]
    movement_names: tuple[str, ...]
    files: tuple[str, ...]
    read: Callable[[tuple[Path, ...]], Iterable[Piece]]
    splits: Splits
    filter: Filter = Filter()
    download: str = ""

    def find(self, folder: str | Path) -> dict[int, tuple[Path, ...]]:
        """Returns the files of each subject found anywhere below `folder`, by subject number.

        Raises:
            DataError: the folder is missing or holds no file of this dataset.
        """
        if not str(folder):
            raise DataError(
                f"dataset {self.name} is read from disk: name its folder with --config.data.dir=FOLDER. "
                f"{self.download}".rstrip()
            )
        folder = Path(folder).expanduser()
        if not folder.is_dir():
            raise DataError(f"no such folder: {folder} (--config.data.dir). {self.download}".rstrip())
        found: dict[int, list[Path]] = {}
        for path in _files_below(folder):
            relative = path.relative_to(folder).as_posix()
            for pattern in self.files:
                if match := re.search(rf"(?:^|/){pattern}$", relative):
                    found.setdefault(int(match[1]), []).append(path)
        if not found:
            looked_for = " or ".join(self.files)
            raise DataError(
                f"no subject of {self.name} below {folder}: no file there matches {looked_for}. "
                f"{self.download}".rstrip()
            )
        return {subject: tuple(found[subject]) for subject in sorted(found)}


def _files_below(folder: Path) -> list[Path]:
    """Returns all files below a folder, sorted, through symbolic links too but into no folder twice."""
    files, visited = [], set()
    for place, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in visited:
            folders.clear()
            continue
        visited.add(real)
        files += [Path(place, name) for name in names]
    return sorted(file for file in files if file.is_file())


_SPECS: dict[str, DatasetSpec] = {}


def register(spec: DatasetSpec) -> DatasetSpec:
    """Adds a dataset to the registry, so that `--config.data.name` can select it."""
    if spec.name in _SPECS:
        raise ValueError(f"a dataset named {spec.name!r} is already registered")
    _SPECS[spec.name] = spec
    return spec


def registered_names() -> tuple[str, ...]:
    """Returns the names of the registered datasets."""
    return tuple(sorted(_SPECS))


def get_spec(name: str) -> DatasetSpec:
    """Returns the specification registered as `name`; raises `DataError` for an unknown one."""
    if name not in _SPECS:
        raise DataError(f"unknown dataset {name!r}; known are {', '.join(registered_names())}")
    return _SPECS[name]
