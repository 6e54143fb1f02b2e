"""Writes files completely or not at all, and explains why the machine cannot write or read one."""

import contextlib
import errno
import json
import math
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from finjax.errors import FinjaxError, StorageError

RESUME = "Then run the same command again to resume"
REMEDIES = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some of your quota",
    errno.EFBIG: "raise the limit on the size of files (ulimit -f)",
    errno.EROFS: "make it writable, or choose another folder",
    errno.EACCES: "make it writable, or choose another folder",
    errno.EPERM: "make it writable, or choose another folder",
    errno.ENOENT: "restore it, or train again",
    errno.ENOTDIR: "choose another folder",
    errno.ESTALE: "restore it, or train again",
    errno.EIO: "check the disk, or choose another folder",
    errno.ENAMETOOLONG: "choose a folder with a shorter path",
    errno.ELOOP: "choose another folder",
    errno.EEXIST: "choose another folder, or remove that file or link",
    errno.ENOMEM: "free some memory",
    errno.EMFILE: "raise the limit on open files (ulimit -n)",
    errno.ENFILE: "raise the machine's limit on open files",
}
# For reading, where the remedies differ from those for writing.
READING_REMEDIES = {
    errno.EACCES: "make it readable for this user",
    errno.EPERM: "make it readable for this user",
    errno.EIO: "check the disk or the network drive",
    errno.ESTALE: "mount the network drive again",
    errno.ENOMEM: "free some memory",
    errno.EMFILE: "raise the limit on open files (ulimit -n)",
    errno.ENFILE: "raise the machine's limit on open files",
}
# Errors that come from the content of a folder, not from the machine: a file is missing, or has the wrong type or name.
CONTENT_ERRORS = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EINVAL, errno.ENAMETOOLONG, errno.ELOOP)
DEVICE_ERRORS = ("JaxRuntimeError", "XlaRuntimeError")  # by name, because importing jax takes a second
OS_ERROR_CODE = re.compile(r"os_error_code='(\d+)'|OS error (\d+)")  # in messages of the checkpoint library


def whats_wrong(error: BaseException) -> str:
    """Returns why a write failed and what to do; looks at `error` and at the errors that caused it."""
    for link in _chain(error):
        if isinstance(link, OSError) and link.errno in REMEDIES:
            return _reason(link.errno, link.filename, REMEDIES)
        for code in REMEDIES:
            if os.strerror(code) in str(link):  # in messages of the checkpoint library
                return _reason(code, None, REMEDIES)
    return first_line(error)


def machine_fault(error: BaseException) -> str:
    """Returns why the machine could not read a file and what to do, or "" if the file's content is the cause.

    Args:
        error: the error of reading; the errors that caused it are checked too.
    """
    for link in _chain(error):
        if isinstance(link, MemoryError):
            return _reason(errno.ENOMEM, None, READING_REMEDIES)
        if type(link).__name__ in DEVICE_ERRORS:
            return f"{first_line(link)}: check the device"
        if isinstance(link, OSError) and link.errno and link.errno not in CONTENT_ERRORS:
            return _reason(link.errno, link.filename, READING_REMEDIES)
        if (match := OS_ERROR_CODE.search(str(link))) and int(match[1] or match[2]) not in CONTENT_ERRORS:
            return _reason(int(match[1] or match[2]), None, READING_REMEDIES)
    return ""


def unreadable(folder: Path) -> str:
    """Reads every file below a folder; returns why the machine cannot read one, or "" if it can read all.

    Libraries may report a missing file where the user only lacks the permission to see it.
    """

    def refuse(error: OSError) -> None:
        raise error

    try:
        for parent, _, names in os.walk(folder, onerror=refuse):
            for name in names:
                Path(parent, name).read_bytes()
    except (OSError, MemoryError) as error:
        return machine_fault(error)
    return ""


@contextlib.contextmanager
def reading_errors(path: Path) -> Iterator[None]:
    """Turns errors of the machine while a run is read into one message.

    Raises:
        StorageError: the message says what to do.
    """
    try:
        yield
    except FinjaxError:
        raise
    except (OSError, MemoryError) as error:
        if not (fault := machine_fault(error)):
            raise
        raise not_readable(path, fault) from error


def not_readable(path: Path, fault: str) -> StorageError:
    """Returns the error for a file or folder that cannot be read but may be intact."""
    return StorageError(f"{path} cannot be read now: {fault}. Then try again. It may be intact, and stays as it is")


def first_line(error: BaseException) -> str:
    """Returns the first line of an error's message, or its type if it has no message."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yields an error and the errors that caused it."""
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for member in error.exceptions:
                yield from _chain(member)
        error = error.__cause__ or error.__context__


def _reason(code: int, name: Any, remedies: dict[int, str]) -> str:
    remedy = remedies.get(code)
    return os.strerror(code) + (f" ({name})" if name else "") + (f": {remedy}" if remedy else "")


def expanded(path: str | Path) -> Path:
    """Returns a path with the home folder in place of `~`.

    Raises:
        StorageError: the home folder is unknown: there is no such user, or neither HOME nor a passwd entry.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise StorageError(f"{path}: there is no such home folder. Give the whole path, or set HOME") from error


@contextlib.contextmanager
def storage_errors(folder: Path) -> Iterator[None]:
    """Turns errors of the file system, while a run writes to a folder, into one message.

    Raises:
        StorageError: the message says what to do.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in REMEDIES:
            raise
        raise StorageError(f"{folder}: {whats_wrong(error)}. {RESUME}") from error


def sync(descriptor: int) -> None:
    """Flushes a file to the disk; ignores file systems that do not support it."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
            raise


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yields the path of a temporary file beside `path`; renames it to `path` if the body raises nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield temporary
        with temporary.open("rb+") as file:  # Windows flushes only files that are open for writing
            sync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Writes a text file in UTF-8; bytes of file names that are not UTF-8 become escapes."""
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")


def write_json(path: Path, content: Any) -> None:
    """Writes JSON; NaN and infinity become null, as JSON has neither."""
    write_text(path, json.dumps(without_nan(content), indent=2) + "\n")


def without_nan(content: Any) -> Any:
    """Returns JSON content with None in place of numbers that are not finite."""
    if isinstance(content, dict):
        return {name: without_nan(value) for name, value in content.items()}
    if isinstance(content, list | tuple):
        return [without_nan(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content
