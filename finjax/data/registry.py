"""The registry of datasets: the specification of each, and how to find its files."""

import dataclasses
import functools
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

import numpy as np

from finjax.data.folders import files_below, is_file_or_link, is_folder
from finjax.errors import DataError, Naming, option_of
from finjax.system.console import log_once
from finjax.system.files import expanded

DatasetT = TypeVar("DatasetT", "DatasetSpec", "FolderDataset")
logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Piece:
    """An uninterrupted part of one subject's recording, as readers return it.

    Attributes:
        signal: `[N, C]` samples in the dataset's own unit.
        movement: `[N]` index into the specification's `movement_names`, or `UNLABELLED`.
        repetition: `[N]` counted from 1.
        notes: what was unusual about the file.
        resembles: names of other datasets that the file may be from. If all subjects of a folder may be from the same
            one, and together have all its movements, the folder is refused.
    """

    signal: np.ndarray
    movement: np.ndarray
    repetition: np.ndarray
    notes: tuple[str, ...] = ()
    resembles: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Filter:
    """Band edges of a zero-phase Butterworth filter and a mains notch, in Hz; `None` omits that part."""

    highpass_hz: float | None = None
    lowpass_hz: float | None = None
    notch_hz: float | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Splits:
    """The default split into subjects and repetitions, as number lists such as `1-25` or `1,3,4`.

    Attributes:
        seen_subjects: subjects whose training repetitions train the FINs.
        unseen_subjects: subjects that no FIN trains on; empty: all others.
        train_repetitions: repetitions that train the FINs.
        test_repetitions: repetitions that only the evaluation reads, of every subject; `"none"`: there is no test.
        seen_tune_repetitions: repetitions that tune a decoder to a seen subject; empty: `train_repetitions`.
        unseen_tune_repetitions: repetitions that tune a decoder to an unseen subject; empty: `train_repetitions`.
    """

    seen_subjects: str
    unseen_subjects: str = ""
    train_repetitions: str
    test_repetitions: str
    seen_tune_repetitions: str = ""
    unseen_tune_repetitions: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class DatasetSpec:
    """The specification of a dataset.

    Attributes:
        name: the name in `--config.data.name`.
        rate_hz: sampling rate.
        channel_names: one name per electrode.
        movement_names: one name per class.
        files: regular expressions, matched against each file's path below the data directory
            (POSIX form); group 1 is the subject's number.
        read: function from one subject's files, sorted, to the pieces of the recording.
        splits: the default split.
        envelope: whether the signals are rectified envelopes.
        filter: applied to each piece separately.
        download: where to get the data; printed if no file is found.
        remark: important to users; `inspect` prints it.
        unit: unit of the signals, such as `"uV"`; empty: not known.
        subjects: the files of each subject, if they are known; empty: `files` finds them.
    """

    name: str
    rate_hz: float
    channel_names: tuple[str, ...]
    movement_names: tuple[str, ...]
    files: tuple[str, ...]
    read: Callable[[tuple[Path, ...]], Iterable[Piece]]
    splits: Splits
    envelope: bool = False
    filter: Filter = Filter()
    download: str = ""
    remark: str = ""
    unit: str = ""
    subjects: Mapping[int, tuple[Path, ...]] = dataclasses.field(default_factory=dict)

    def find(
        self, folder: str | Path, *, unreadable: list[str] | None = None, option: Naming = option_of
    ) -> dict[int, tuple[Path, ...]]:
        """Returns the files of each subject found anywhere below `folder`, by subject number.

        Broken links are included: reading one raises an error that names it.

        Args:
            folder: where to search.
            unreadable: list to which folders that cannot be searched are added; by default the log warns of them.
            option: returns the option that sets a field, such as `data.dir`, for messages.

        Raises:
            DataError: the folder is missing or has no file of this dataset.
        """
        if self.subjects:
            return dict(self.subjects)
        found: dict[int, list[Path]] = {}
        for label, path in _search(self, folder, unreadable=unreadable, option=option):
            found.setdefault(int(label), []).append(path)
        return {subject: tuple(found[subject]) for subject in sorted(found)}


@dataclasses.dataclass(frozen=True, kw_only=True)
class FolderDataset:
    """A kind of dataset whose sampling rate, channels and movements are in its folder.

    Attributes:
        name: the name in `--config.data.name`.
        files: as in `DatasetSpec`; group 1 is the subject's label, which need not be a number.
        sidecars: likewise, patterns of files that describe these files; without a group.
        spec_of: function from a folder and all these files in it, sorted, to the specification.
        filter: as in `DatasetSpec`: known without the folder, because a decoder may have moved away from it.
        envelope: likewise.
        download: as in `DatasetSpec`.
    """

    name: str
    files: tuple[str, ...]
    sidecars: tuple[str, ...] = ()
    spec_of: Callable[[Path, tuple[Path, ...]], DatasetSpec]
    filter: Filter = Filter()
    envelope: bool = False
    download: str = ""

    def spec(self, folder: str | Path, *, option: Naming = option_of) -> DatasetSpec:
        """Returns the specification of the dataset in a folder.

        It is kept while the files have the same size and time.

        Raises:
            DataError: see `DatasetSpec.find`; or the files do not describe one dataset.
        """
        paths = [path for _, path in _search(self, folder, option=option)]
        folder = expanded(folder)
        paths += [path for _, path in _matches(self.sidecars, files_below(folder)[0], folder)]
        return _described(self.spec_of, folder, tuple(state_of(path) for path in sorted(set(paths))))


@functools.lru_cache(maxsize=64)
def _described(
    spec_of: Callable[[Path, tuple[Path, ...]], DatasetSpec], folder: Path, files: tuple[tuple[Path, int, int], ...]
) -> DatasetSpec:
    return spec_of(folder, tuple(path for path, *_ in files))


def state_of(path: Path) -> tuple[Path, int, int]:
    """Returns a file with its size and its time in ns, which change with its content."""
    try:
        state = path.stat()
        return path, state.st_size, state.st_mtime_ns
    except OSError:  # a broken link: reading it gives an error
        return path, 0, 0


def _search(
    dataset: DatasetSpec | FolderDataset,
    folder: str | Path,
    *,
    unreadable: list[str] | None = None,
    option: Naming = option_of,
) -> list[tuple[str, Path]]:
    """Returns the files of a dataset below a folder, each with the label of its subject; raises as `find`."""
    if not str(folder):
        raise DataError(
            f"dataset {dataset.name} is read from disk: give its folder with {option('data.dir')}=FOLDER. "
            f"{dataset.download}".rstrip()
        )
    folder = expanded(folder)
    if not is_folder(folder, option=option("data.dir")):
        raise DataError(f"no such folder: {folder} ({option('data.dir')}). {dataset.download}".rstrip())
    files, closed = files_below(folder)
    found = _matches(dataset.files, files, folder)
    if not found:
        others = _named_like(files, folder)
        names = " or ".join(f"{option('data.name')}={name}" for name in others)
        hints = [f"There are files with the names of other datasets: use {names}."] if others else []
        hints += [f"Not searched: {', '.join(closed)}."] if closed else []
        looked_for = " or ".join(dataset.files)
        raise DataError(
            f"no subject of {dataset.name} below {folder}: no file there matches {looked_for}. "
            f"{' '.join([*hints, dataset.download])}".rstrip()
        )
    if unreadable is not None:
        unreadable += closed
    else:
        for place in closed:
            log_once(logger, f"{place}. finjax skips it")
    return found


def _matches(patterns: Iterable[str], files: Iterable[Path], folder: Path) -> list[tuple[str, Path]]:
    """Returns the files that match a pattern, each with group 1 of the pattern."""
    found: list[tuple[str, Path]] = []
    compiled = [re.compile(rf"(?:^|/){pattern}\Z") for pattern in patterns]
    for path in files:
        relative = path.relative_to(folder).as_posix()
        for pattern in compiled:
            if (match := pattern.search(relative)) and is_file_or_link(path):
                found.append((match[1] if pattern.groups else "", path))
    return found


_DATASETS: dict[str, DatasetSpec | FolderDataset] = {}


def register(dataset: DatasetT) -> DatasetT:
    """Adds a dataset to the registry, so that `--config.data.name` can select it."""
    if dataset.name in _DATASETS:
        raise ValueError(f"a dataset named {dataset.name!r} is already registered")
    _DATASETS[dataset.name] = dataset
    return dataset


def registered_names() -> tuple[str, ...]:
    """Returns the names of the registered datasets."""
    return tuple(sorted(_DATASETS))


def names_like(folder: Path) -> list[str]:
    """Returns the datasets whose files have names such as those in a folder, in the order of their registration."""
    return _named_like(files_below(folder)[0], folder)


def _named_like(files: Iterable[Path], folder: Path) -> list[str]:
    return [one.name for one in _DATASETS.values() if _matches(one.files, files, folder)]


def get_dataset(name: str, *, option: Naming = option_of) -> DatasetSpec | FolderDataset:
    """Returns what is registered as `name`; raises `DataError` for an unknown name.

    Args:
        name: the name of the dataset.
        option: returns the option that sets a field, for messages.
    """
    if name not in _DATASETS:
        raise DataError(
            f"unknown dataset {name!r}; known are {', '.join(registered_names())}. If your own module "
            f"registers it, name that module in {option('plugins')}"
        )
    return _DATASETS[name]


def get_spec(name: str, folder: str | Path = "", *, option: Naming = option_of) -> DatasetSpec:
    """Returns the specification registered as `name`, or that of the dataset of this kind in a folder.

    Args:
        name: the name of the dataset.
        folder: its folder; not used if the registered specification is complete.
        option: returns the option that sets a field, for messages.

    Raises:
        DataError: the name is unknown; or the folder is missing, or does not describe one dataset.
    """
    dataset = get_dataset(name, option=option)
    return dataset if isinstance(dataset, DatasetSpec) else dataset.spec(folder, option=option)
