"""Searches folders for files."""

import os
import re
from pathlib import Path

from finjax.errors import DataError


def is_folder(path: Path, *, option: str) -> bool:
    """Returns whether a path is a folder; `option` is the option that gives it, for the error."""
    try:
        return path.is_dir()
    except OSError as error:
        raise DataError(f"{path} ({option}) cannot be opened: {error.strerror}") from None


def is_file_or_link(path: Path) -> bool:
    """Returns whether a path is a file or a link; also if it cannot be checked, so that reading it gives an error."""
    try:
        return path.is_file() or path.is_symlink()
    except OSError:
        return True


def files_below(folder: Path) -> tuple[list[Path], list[str]]:
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
