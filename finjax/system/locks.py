"""Locks on the folders of runs: two processes that train in one folder would destroy each other's checkpoints.

A lock is a file that names the process that holds it. If that process has ended, its lock is replaced. finjax cannot
check a process on another machine, so the user must.
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
QUERY_LIMITED_INFORMATION, ACCESS_DENIED, STILL_ACTIVE = 0x1000, 5, 259  # constants of the Windows API


@dataclasses.dataclass(frozen=True, kw_only=True)
class Holder:
    """The process that holds a lock.

    Attributes:
        host: name of the machine.
        processes: the PID namespace of `pid`, where the platform has several (containers).
        pid: id of the process.
        started: when it started, in the platform's units; empty if unknown. Process ids are used again.
        since: date and time when it took the lock.
    """

    host: str
    processes: str
    pid: int
    started: str
    since: str

    @classmethod
    def this_process(cls) -> "Holder":
        """Returns the holder for the current process."""
        return cls(
            host=platform.node(),
            processes=_pid_namespace(),
            pid=os.getpid(),
            started=_start_time(os.getpid()),
            since=datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        )

    def is_gone(self) -> bool:
        """Returns whether the process has certainly ended."""
        if (self.host, self.processes) != (platform.node(), _pid_namespace()):
            return False
        return not _is_running(self.pid) or _start_time(self.pid) != self.started


@contextlib.contextmanager
def locked(folder: Path, name: str = FILE) -> Iterator[None]:
    """Holds the lock of a folder, which is created if it is missing; only one process can hold it at a time.

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
            if path.read_text(encoding="utf-8") == text:  # else another process holds the lock now
                path.unlink()
                folder.rmdir()  # if the run left nothing in it


def _take(path: Path, text: str) -> None:
    try:
        _create(path, text)
    except FileExistsError:
        _remove_stale(path)
        _create(path, text)


def _create(path: Path, text: str) -> None:
    """Creates a complete file; raises `FileExistsError` if it exists, even if another process creates it just now."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    finally:
        temporary.unlink()


def _remove_stale(path: Path) -> None:
    """Removes a lock whose process has ended; raises `LockError` if it may still run."""
    try:
        holder = Holder(**json.loads(path.read_text(encoding="utf-8")))
        if not (isinstance(holder.pid, int) and 0 < holder.pid < 2**31):
            raise ValueError("not a process id")
    except (ValueError, TypeError):
        raise LockError(f"{path.parent} is locked, but {path} does not name the process: remove that file") from None
    if not holder.is_gone():
        elsewhere = "" if holder.host == platform.node() else ", which finjax cannot check from this machine"
        raise LockError(
            f"{path.parent} is in use by process {holder.pid} on {holder.host}{elsewhere} (since {holder.since}). "
            f"Wait for it, choose another --workdir or, if that process has ended, remove {path}"
        )
    logger.info("replacing the lock of process %d, which has ended: %s", holder.pid, path)
    path.unlink()


@contextlib.contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Lets only one process of this machine at a time check and change a lock."""
    if not fcntl:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # network file systems may not lock folders
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _is_running(pid: int) -> bool:
    """Returns whether this machine has a process with this id."""
    if WINDOWS:
        return _is_running_on_windows(pid)
    try:
        os.getpgid(pid)  # not os.kill: on Windows, its signal 0 is Ctrl-C
    except ProcessLookupError:
        return False
    except OSError:  # it exists, and belongs to another user
        pass
    return True


def _is_running_on_windows(pid: int) -> bool:
    kernel = ctypes.WinDLL("kernel32", use_last_error=True)  # pyright: ignore[reportAttributeAccessIssue]  # Windows only
    kernel.OpenProcess.restype = ctypes.c_void_p
    handle = ctypes.c_void_p(kernel.OpenProcess(QUERY_LIMITED_INFORMATION, False, pid))
    if not handle:
        # If access is denied, the process exists and belongs to another user.
        return ctypes.get_last_error() == ACCESS_DENIED  # pyright: ignore[reportAttributeAccessIssue]  # Windows only
    try:
        status = ctypes.c_ulong()
        kernel.GetExitCodeProcess(handle, ctypes.byref(status))
        return status.value == STILL_ACTIVE
    finally:
        kernel.CloseHandle(handle)


def _start_time(pid: int) -> str:
    """Returns when a process started, in clock ticks since the machine started; empty if unknown."""
    try:
        return (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
    except OSError:
        return ""


def _pid_namespace() -> str:
    try:
        return os.readlink(PROC / "self/ns/pid")
    except OSError:
        return ""
