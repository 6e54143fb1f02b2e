"""Files that are there whole or not at all, and what is said when the disk does not take them."""

import contextlib
import errno
import json
import math
import os
from collections.abc import Iterator
from pathlib import Path

from finjax.errors import StorageError

REMEDIES = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some of your quota",
    errno.EFBIG: "raise the limit on the size of files (ulimit -f)",
    errno.EROFS: "make it writable, or choose another --workdir",
    errno.EACCES: "make it writable, or choose another --workdir",
    errno.EPERM: "make it writable, or choose another --workdir",
    errno.ENOENT: "bring it back, or train again",
    errno.ENOTDIR: "choose another --workdir",
    errno.ESTALE: "bring it back, or train again",
    errno.EIO: "look after the disk, or choose another --workdir",
}


def whats_wrong(error: BaseException) -> str:
    """Returns what a failed write failed of, and what to do; `error` may have come a long way from it."""
    link = error
    while link is not None:
        if isinstance(link, OSError) and link.errno in REMEDIES:
            return _said(link.errno, link.filename)
        for code in REMEDIES:
            if os.strerror(code) in str(link):  # as the storage layer writes it
                return _said(code, None)
        link = link.__cause__ or link.__context__
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _said(code: int, name) -> str:
    return os.strerror(code) + (f" ({name})" if name else "") + f": {REMEDIES[code]}"


@contextlib.contextmanager
def storage_errors(folder: Path) -> Iterator[None]:
    """Turns what the file system refuses, while a run writes to a folder, into one message.

    Raises:
        StorageError: with what to do.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in REMEDIES:
            raise
        raise StorageError(f"{folder}: {whats_wrong(error)}. Then the same command goes on") from error


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Gives a temporary file to write, beside `path`, and moves it there if nothing was raised."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Writes a text file."""
    with whole_file(path) as temporary:
        temporary.write_text(text)


def write_json(path: Path, content) -> None:
    """Writes JSON; NaN, which JSON does not have, becomes null."""
    write_text(path, json.dumps(without_nan(content), indent=2) + "\n")


def without_nan(content):
    """Returns JSON content with null in place of what is not finite."""
    if isinstance(content, dict):
        return {name: without_nan(value) for name, value in content.items()}
    if isinstance(content, list | tuple):
        return [without_nan(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content
