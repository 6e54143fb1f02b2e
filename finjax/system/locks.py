"""Locks on folders of runs: two processes that train in one would spoil each other's checkpoints.

A lock is a file that says who holds it. One whose process is gone is taken over; of a process on another machine
nobody can tell, so that a person has to.
"""

import contextlib
import ctypes
import dataclasses
import datetime
import json
import logging
import os
import platform
from collections.abc import Iterator
from pathlib import Path

from finjax.errors import LockError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

logger = logging.getLogger(__name__)

FILE = "lock.json"
PROC = Path("/proc")
WINDOWS = os.name == "nt"
QUERY_LIMITED_INFORMATION, ACCESS_DENIED, STILL_ACTIVE = 0x1000, 5, 259  # of the Windows API


@dataclasses.dataclass(frozen=True, kw_only=True)
class Holder:
    """Who holds a lock.

    Attributes:
        host: name of the machine.
        processes: which numbering of processes `pid` belongs to, where the platform has several (containers).
        pid: number of the process.
        started: when it started, as the platform counts it; empty where it does not say. Numbers are used again.
        since: date and time.
    """

    host: str
    processes: str
    pid: int
    started: str
    since: str

    @classmethod
    def this_process(cls) -> "Holder":
        """Returns the process that asks."""
        return cls(
            host=platform.node(),
            processes=_numbering(),
            pid=os.getpid(),
            started=_started(os.getpid()),
            since=datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        )

    def is_gone(self) -> bool:
        """Whether this process is known to have ended."""
        if (self.host, self.processes) != (platform.node(), _numbering()):
            return False
        return not _exists(self.pid) or _started(self.pid) != self.started


@contextlib.contextmanager
def locked(folder: Path, name: str = FILE) -> Iterator[None]:
    """Holds the lock of a folder, made if need be, which nobody else can hold meanwhile.

    Raises:
        LockError: another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path, text = folder / name, json.dumps(dataclasses.asdict(Holder.this_process())) + "\n"
    with _one_at_a_time(folder):
        _take(path, text)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            if path.read_text(encoding="utf-8") == text:  # else somebody removed the file, and another holds the lock
                path.unlink()
                folder.rmdir()  # where nothing else came of the run


def _take(path: Path, text: str) -> None:
    try:
        _create(path, text)
    except FileExistsError:
        _remove_stale(path)
        _create(path, text)


def _create(path: Path, text: str) -> None:
    """Creates a file whole; raises `FileExistsError` where there is one, be it created at the same moment."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    finally:
        temporary.unlink()


def _remove_stale(path: Path) -> None:
    """Removes a lock whose process is gone; raises `LockError` where it may not be."""
    try:
        holder = Holder(**json.loads(path.read_text(encoding="utf-8")))
        if not (isinstance(holder.pid, int) and 0 < holder.pid < 2**31):
            raise ValueError("no number of a process")
    except (ValueError, TypeError):
        raise LockError(f"{path.parent} is locked, and {path} does not say by whom: remove that file") from None
    if not holder.is_gone():
        elsewhere = "" if holder.host == platform.node() else ", which cannot be asked from here"
        raise LockError(
            f"{path.parent} is in use by process {holder.pid} on {holder.host}{elsewhere} (since {holder.since}). "
            f"Wait for it, choose another --workdir or, if that process is gone, remove {path}"
        )
    logger.info("taking over the lock of process %d, which is gone: %s", holder.pid, path)
    path.unlink()


@contextlib.contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Lets one process of this machine at a time look at a lock and act on what it saw."""
    descriptor = os.open(folder, os.O_RDONLY) if fcntl else None
    try:
        if fcntl:
            with contextlib.suppress(OSError):  # network file systems may not lock folders
                fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        if fcntl:
            os.close(descriptor)


def _exists(pid: int) -> bool:
    """Tells whether this machine has a process with this number."""
    if WINDOWS:
        return _exists_on_windows(pid)
    try:
        os.getpgid(pid)  # no signal: on Windows, signal 0 of os.kill is Ctrl-C
    except ProcessLookupError:
        return False
    except OSError:  # it is there, and somebody else's
        pass
    return True


def _exists_on_windows(pid: int) -> bool:
    kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    kernel.OpenProcess.restype = ctypes.c_void_p
    handle = ctypes.c_void_p(kernel.OpenProcess(QUERY_LIMITED_INFORMATION, False, pid))
    if not handle:
        return ctypes.get_last_error() == ACCESS_DENIED  # it is there, and somebody else's
    try:
        status = ctypes.c_ulong()
        kernel.GetExitCodeProcess(handle, ctypes.byref(status))
        return status.value == STILL_ACTIVE
    finally:
        kernel.CloseHandle(handle)


def _started(pid: int) -> str:
    """Returns when a process started, in clock ticks since the machine did; empty where that is not known."""
    try:
        return (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
    except OSError:
        return ""


def _numbering() -> str:
    try:
        return os.readlink(PROC / "self/ns/pid")
    except OSError:
        return ""
