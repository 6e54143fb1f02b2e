"""One process at a time in a folder."""

import json
import logging
import os
import subprocess
import sys
import types
import unittest.mock

import pytest
from conftest import ROOT

from finjax.errors import LockError
from finjax.system import locks
from finjax.system.locks import Holder, locked


def write_lock(folder, **changes):
    """Writes a lock as another process would have."""
    holder = {**vars(Holder.this_process()), **changes}
    (folder / locks.FILE).write_text(json.dumps(holder))


def pid_of_ended_process() -> int:
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


def test_a_folder_is_locked_and_free_again(tmp_path):
    with locked(tmp_path / "run"):
        holder = json.loads((tmp_path / "run" / locks.FILE).read_text())
        assert holder["pid"] == os.getpid() and holder["host"]
        with pytest.raises(LockError, match=rf"in use by process {os.getpid()} on .*choose another --workdir"):
            locked(tmp_path / "run").__enter__()
    assert not (tmp_path / "run").exists()  # the run left nothing in it


def test_an_error_frees_the_folder(tmp_path):
    (tmp_path / "kept").touch()
    with pytest.raises(KeyboardInterrupt), locked(tmp_path):
        raise KeyboardInterrupt
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_the_lock_of_a_process_that_has_ended_is_replaced(tmp_path, caplog):
    write_lock(tmp_path, pid=pid_of_ended_process())
    with caplog.at_level(logging.INFO, "finjax"), locked(tmp_path):
        assert json.loads((tmp_path / locks.FILE).read_text())["pid"] == os.getpid()
    assert "replacing the lock of process" in caplog.text


@pytest.mark.skipif(not locks.PROC.is_dir(), reason="the platform does not tell when a process started")
def test_a_process_with_the_same_number_is_not_the_same(tmp_path):
    write_lock(tmp_path, pid=os.getppid(), started="1")
    with locked(tmp_path):
        pass


def test_a_lock_from_another_machine_is_refused(tmp_path):
    write_lock(tmp_path, host="elsewhere", pid=pid_of_ended_process())
    with pytest.raises(LockError, match=r"on elsewhere, which finjax cannot check.*remove .*lock\.json"):
        locked(tmp_path).__enter__()
    (tmp_path / locks.FILE).unlink()
    with locked(tmp_path):
        pass


@pytest.mark.parametrize(
    ("handle", "error", "status", "there"), [(0, 87, 0, False), (0, 5, 0, True), (7, 0, 259, True), (7, 0, 1, False)]
)
def test_windows_is_asked_without_sending_a_signal(monkeypatch, handle, error, status, there):
    """Imitates the four Windows functions that are called; it was not run on Windows."""
    closed = []

    def exit_status(_, place):
        place._obj.value = status
        return 1

    kernel = types.SimpleNamespace(
        OpenProcess=unittest.mock.Mock(return_value=handle),
        GetExitCodeProcess=exit_status,
        CloseHandle=lambda handle: closed.append(handle.value),
    )
    monkeypatch.setattr(locks, "WINDOWS", True)
    monkeypatch.setattr(locks.ctypes, "WinDLL", lambda *args, **kwargs: kernel, raising=False)
    monkeypatch.setattr(locks.ctypes, "get_last_error", lambda: error, raising=False)
    monkeypatch.setattr(os, "kill", None)  # signal 0 is Ctrl-C there
    assert Holder.this_process().is_gone() == (not there)
    assert closed == [handle] * bool(handle)


@pytest.mark.parametrize("content", ["", "{}", "[1]", "\0\0", '{"pid": 0}', '{"pid": "1"}', '{"pid": 1e40}'])
def test_an_unreadable_lock_is_refused(tmp_path, content):
    if "pid" in content:
        write_lock(tmp_path, **json.loads(content))
    else:
        (tmp_path / locks.FILE).write_text(content)
    with pytest.raises(LockError, match="does not name the process: remove that file"):
        locked(tmp_path).__enter__()


def test_a_lock_that_another_process_took_is_not_removed(tmp_path):
    with locked(tmp_path):
        write_lock(tmp_path, host="elsewhere")
    assert (tmp_path / locks.FILE).exists()


HOLD = """
import os, sys
from pathlib import Path
from finjax.errors import LockError
from finjax.system.locks import locked
sys.stdin.readline()
try:
    lock = locked(Path(sys.argv[1]))
    lock.__enter__()
    print("held", flush=True)
except LockError:
    print("refused", flush=True)
sys.stdin.readline()
os._exit(0)  # as if killed: the lock stays
"""


def test_one_of_several_processes_gets_a_stale_lock(tmp_path):
    write_lock(tmp_path, pid=pid_of_ended_process())
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "bufsize": 1, "cwd": ROOT}
    processes = [subprocess.Popen(command, **pipes) for _ in range(4)]
    for process in processes:
        process.stdin.write("go\n")
    said = [process.stdout.readline().strip() for process in processes]
    for process in processes:
        process.communicate("end\n", timeout=60)
    assert sorted(said) == ["held", "refused", "refused", "refused"]
