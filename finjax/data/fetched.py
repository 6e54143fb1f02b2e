"""Files that are named in a folder but whose content is not there: links that lead nowhere, and pointers to a store."""

import os
from collections.abc import Iterable
from pathlib import Path

from finjax.errors import DataError

POINTER_BYTES = 1024  # a pointer is shorter, a recording longer
POINTERS = {  # how a file begins that stands for its content, and the command that fetches it
    b"/annex/objects/": "datalad get '{path}'",
    b"version https://git-lfs": "git lfs pull",
}


def refuse_unfetched(paths: Iterable[Path]) -> None:
    """Refuses files whose content must be fetched first.

    Raises:
        DataError: names the file and the command.
        OSError: a file cannot be read.
    """
    for path in paths:
        if path.is_symlink() and not path.exists():
            target = os.readlink(path)
            if "annex/objects" in target.replace(os.sep, "/"):
                raise DataError(f"{path}: its content was not fetched yet. Fetch it with: datalad get '{path}'")
            raise DataError(f"{path} is a link to {target}, which is not there: mend the link or remove it")
        if path.stat().st_size > POINTER_BYTES:
            continue
        with path.open("rb") as file:
            begin = file.read(POINTER_BYTES)
        for pointer, command in POINTERS.items():
            if begin.startswith(pointer):
                raise DataError(f"{path}: its content was not fetched yet. Fetch it with: {command.format(path=path)}")
