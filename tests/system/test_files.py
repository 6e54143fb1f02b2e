"""Files are written completely or not at all, and nothing is needed that some file systems do not support."""

import errno
import os
import stat

import pytest

import finjax
from finjax.configs import cnn, recorded
from finjax.data.registry import get_spec
from finjax.data.source import framing_of  # noqa: F401  (registers the datasets)
from finjax.errors import FinjaxError, StorageError
from finjax.interop.torch_weights import read_state_dict
from finjax.live.sinks import JSONLines
from finjax.run import run
from finjax.system import files


def test_a_file_is_flushed_by_a_descriptor_that_may_write(tmp_path, monkeypatch):
    """Windows requires it."""
    fcntl = pytest.importorskip("fcntl")
    modes = []

    def fsync(descriptor):
        modes.append(fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE)

    monkeypatch.setattr(os, "fsync", fsync)
    files.write_json(tmp_path / "a.json", {"a": 1})
    assert modes and os.O_RDONLY not in modes


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOSYS, errno.ENOTSUP])
def test_files_are_written_to_a_file_system_that_cannot_flush(tmp_path, monkeypatch, code):
    def fsync(descriptor):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fsync)
    files.write_text(tmp_path / "a", "R²\n")
    assert (tmp_path / "a").read_bytes() == "R²\n".encode()


def test_a_flush_that_fails_fails_the_write(tmp_path, monkeypatch):
    def fsync(descriptor):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    files.write_text(tmp_path / "a", "before")
    monkeypatch.setattr(os, "fsync", fsync)
    message = "Input/output error: .*run the same command again"
    with pytest.raises(StorageError, match=message), files.storage_errors(tmp_path):
        files.write_text(tmp_path / "a", "after")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["before"]


@pytest.mark.parametrize("mask", [0o000, 0o077])
def test_the_umask_holds(tmp_path, mask):
    before = os.umask(mask)
    try:
        files.write_text(tmp_path / "a", "once")
        files.write_text(tmp_path / "a", "twice")
    finally:
        os.umask(before)
    assert (tmp_path / "a").read_text() == "twice"
    if os.name == "posix":
        assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o666 & ~mask


@pytest.mark.parametrize("name", ["with space", "ünï", "a" * 200, "%s{x}", os.fsdecode(b"\xff\xfe")], ids=ascii)
def test_odd_names_are_names(tmp_path, name):
    files.write_json(tmp_path / name / "a.json", {"folder": name})
    files.write_text(tmp_path / name / "a.md", name)  # a report has the command that was given
    assert {path.name for path in (tmp_path / name).iterdir()} == {"a.json", "a.md"}


@pytest.mark.parametrize(
    "use",
    [
        lambda: finjax.load("~/run"),
        lambda: run(cnn.get_config("test"), workdir="~/run"),
        lambda: recorded.read("~/run/config.json"),
        lambda: read_state_dict("~nobody/a.pt"),
        lambda: get_spec("ninapro_db2").find("~/data"),
        lambda: JSONLines("~/a.jsonl"),
    ],
    ids=["load", "run", "config", "torch", "data", "live"],
)
def test_an_unknown_home_folder_gives_one_message(no_home, use):
    with pytest.raises(FinjaxError, match="no such home folder. Give the whole path, or set HOME"):
        use()
