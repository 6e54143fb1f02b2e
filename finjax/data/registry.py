"""The registry of datasets: the specification of each, and how to find its files."""

import dataclasses
import logging
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from finjax.errors import DataError, Naming, option_of
from finjax.system.console import log_once
from finjax.system.files import expanded

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
        test_repetitions: repetitions that only the evaluation reads, of every subject.
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
        if not str(folder):
            raise DataError(
                f"dataset {self.name} is read from disk: give its folder with {option('data.dir')}=FOLDER. "
                f"{self.download}".rstrip()
            )
        folder = expanded(folder)
        if not _is_folder(folder, option=option("data.dir")):
            raise DataError(f"no such folder: {folder} ({option('data.dir')}). {self.download}".rstrip())
        files, closed = _files_below(folder)
        found = self._match(files, folder)
        if not found:
            others = [spec.name for spec in _SPECS.values() if spec._match(files, folder)]
            names = " or ".join(f"{option('data.name')}={name}" for name in others)
            hints = [f"There are files with the names of other datasets: use {names}."] if others else []
            hints += [f"Not searched: {', '.join(closed)}."] if closed else []
            looked_for = " or ".join(self.files)
            raise DataError(
                f"no subject of {self.name} below {folder}: no file there matches {looked_for}. "
                f"{' '.join([*hints, self.download])}".rstrip()
            )
        if unreadable is not None:
            unreadable += closed
        else:
            for place in closed:
                log_once(logger, f"{place}. finjax skips it")
        return {subject: tuple(found[subject]) for subject in sorted(found)}

    def _match(self, files: Iterable[Path], folder: Path) -> dict[int, list[Path]]:
        """Returns the files of this dataset, by subject."""
        found: dict[int, list[Path]] = {}
        patterns = [re.compile(rf"(?:^|/){pattern}\Z") for pattern in self.files]
        for path in files:
            relative = path.relative_to(folder).as_posix()
            for pattern in patterns:
                if (match := pattern.search(relative)) and _is_file_or_link(path):
                    found.setdefault(int(match[1]), []).append(path)
        return found


def _is_folder(path: Path, *, option: str) -> bool:
    try:
        return path.is_dir()
    except OSError as error:
        raise DataError(f"{path} ({option}) cannot be opened: {error.strerror}") from None


def _is_file_or_link(path: Path) -> bool:
    """Returns whether a path is a file or a link; also if it cannot be checked, so that reading it gives an error."""
    try:
        return path.is_file() or path.is_symlink()
    except OSError:
        return True


def _files_below(folder: Path) -> tuple[list[Path], list[str]]:
    """Searches a folder, also through symbolic links, but each folder only once.

    Returns:
        All files and links, sorted, and messages on folders that cannot be searched, with reason and remedy.
    """
    files: list[Path] = []
    closed: list[str] = []
    visited: set[str] = set()

    def note(error: OSError) -> None:
        remedy = ": ask its owner for permission to read it" if isinstance(error, PermissionError) else ""
        closed.append(f"{error.filename} cannot be searched ({error.strerror}){remedy}")

    for place, folders, names in os.walk(folder, followlinks=True, onerror=note):
        real = os.path.realpath(place)
        if real in visited:
            folders.clear()
            continue
        visited.add(real)
        files += [Path(place, name) for name in names]
        closed += [
            f"{path} is a link to {os.readlink(path)}, which does not exist: correct or remove the link"
            for path in map(Path, [place] * len(names), names)
            if _may_have_been_a_folder(path)
        ]
    return sorted(files), sorted(closed)


def _may_have_been_a_folder(path: Path) -> bool:
    """Returns whether a path is a broken link whose name has no suffix of a file, such as `.mat`."""
    if re.search(r"\.[^\W\d]\w*\Z", path.name):  # `.5` of `v1.5` is not a suffix
        return False
    try:
        return path.is_symlink() and not path.exists()
    except OSError:  # a folder that may be listed but not entered: reading its files gives an error
        return False


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


def get_spec(name: str, *, option: Naming = option_of) -> DatasetSpec:
    """Returns the specification registered as `name`; raises `DataError` for an unknown one.

    Args:
        name: the name of the dataset.
        option: returns the option that sets a field, for messages.
    """
    if name not in _SPECS:
        raise DataError(
            f"unknown dataset {name!r}; known are {', '.join(registered_names())}. If your own module "
            f"registers it, name that module in {option('plugins')}"
        )
    return _SPECS[name]
