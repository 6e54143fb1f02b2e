"""Refuses files without their content: broken links, and pointers of git-annex (DataLad) and Git LFS."""

import os
from collections.abc import Iterable
from pathlib import Path

from finjax.errors import DataError

POINTER_BYTES = 1024  # pointers are shorter, recordings are longer
POINTERS = {  # first bytes of a pointer, and the command that fetches its content
    b"/annex/objects/": "datalad get '{path}'",
    b"version https://git-lfs": "git lfs pull",
}


def refuse_unfetched(paths: Iterable[Path]) -> None:
    """Refuses files whose content was not downloaded.

    Raises:
        DataError: names the file and the command.
        OSError: a file cannot be read.
    """
    for path in paths:
        if path.is_symlink() and not path.exists():
            target = os.readlink(path)
            if "annex/objects" in target.replace(os.sep, "/"):
                raise DataError(f"{path}: its content is not downloaded. Download it with: datalad get '{path}'")
            raise DataError(f"{path} is a link to {target}, which does not exist: correct or remove the link")
        if path.stat().st_size > POINTER_BYTES:
            continue
        with path.open("rb") as file:
            begin = file.read(POINTER_BYTES)
        for pointer, command in POINTERS.items():
            if begin.startswith(pointer):
                raise DataError(f"{path}: its content is not downloaded. Download it with: {command.format(path=path)}")
