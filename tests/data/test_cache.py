import dataclasses
import functools
import json
import os
import shutil

import numpy as np
import pytest
from toy_dataset import TOY

from finjax.data import cache
from finjax.data.recording import Recording
from finjax.data.registry import Filter
from finjax.system.console import log_once

SPEC = dataclasses.replace(TOY, read=lambda paths: [])
SIGNAL = np.arange(20, dtype=np.float32).reshape(10, 2)
NO_FILTER = Filter()


class Source:
    """One source file, and a count of how often the recording was built from it."""

    def __init__(self, folder):
        self.path = folder / "s1.txt"
        self.path.write_text("content")
        self.folder = folder / "cache"
        self.builds = 0

    def build(self):
        self.builds += 1
        return Recording(
            dataset="toy",
            subject=1,
            signal=SIGNAL,
            movement=np.repeat(np.array([0, -1], np.int16), 5),
            repetition=np.ones(10, np.int16),
            rate_hz=100.0,
            channel_names=SPEC.channel_names,
            movement_names=SPEC.movement_names,
            piece_starts=(0, 5),
        )

    def get(self, filter=NO_FILTER):
        return cache.cached(SPEC, 1, (self.path,), self.build, filter=filter, cache_dir=self.folder)

    @property
    def entry(self):
        (entry,) = (self.folder / "toy").iterdir()
        return entry


@pytest.fixture
def source(tmp_path):
    return Source(tmp_path)


def check(recording):
    np.testing.assert_array_equal(recording.signal, SIGNAL)
    np.testing.assert_array_equal(recording.movement, [0] * 5 + [-1] * 5)
    np.testing.assert_array_equal(recording.repetition, [1] * 10)
    assert recording.piece_starts == (0, 5) and recording.subject == 1 and recording.rate_hz == 100


def test_the_second_load_is_memory_mapped_from_disk(source):
    first, second = source.get(), source.get()
    assert source.builds == 1
    for recording in (first, second):
        check(recording)
        assert isinstance(recording.signal, np.memmap) and not recording.signal.flags.writeable
    assert source.entry.name.startswith("subject_1-")
    names = {path.name for path in source.entry.iterdir()}
    assert names == {"signal.npy", "movement.npy", "repetition.npy", "sketches.npy", "source.json"}


def test_changed_content_is_read_again(source):
    source.get()
    source.path.write_text("CONTENT")  # as long as before
    os.utime(source.path, ns=(1, 1))
    check(source.get())
    assert source.builds == 2
    source.path.write_text("content, longer")
    check(source.get())
    assert source.builds == 3
    assert len(list((source.folder / "toy").iterdir())) == 1


def test_touched_file_with_equal_content_is_a_hit_and_hashed_once(source, monkeypatch):
    source.get()
    os.utime(source.path, ns=(5, 7))
    check(source.get())
    assert source.builds == 1
    assert json.loads((source.entry / "source.json").read_text())["files"][0]["mtime_ns"] == 7
    monkeypatch.setattr(cache, "_sha256", lambda path: pytest.fail("hashed again"))
    check(source.get())


def test_filter_and_reader_version_are_part_of_the_key(source, monkeypatch):
    source.get()
    source.get(Filter(highpass_hz=20))
    assert source.builds == 2
    source.get(), source.get(Filter(highpass_hz=20))
    assert source.builds == 2
    monkeypatch.setattr(cache, "READER_VERSION", cache.READER_VERSION + 1)
    source.get()
    assert source.builds == 3


def damage_cut(entry):
    (entry / "signal.npy").write_bytes((entry / "signal.npy").read_bytes()[:-8])


def damage_header(entry):
    path = entry / "signal.npy"
    path.write_bytes(b"x" * path.stat().st_size)


def damage_label(entry):
    np.save(entry / "movement.npy", np.full(10, 77, np.int16))


DAMAGES = {
    "cut array": damage_cut,
    "array header": damage_header,
    "label out of range": damage_label,
    "array gone": lambda entry: (entry / "repetition.npy").unlink(),
    "source gone": lambda entry: (entry / "source.json").unlink(),
    "source cut": lambda entry: (entry / "source.json").write_text('{"files": ['),
    "source of another kind": lambda entry: (entry / "source.json").write_text("[]"),
    "source not text": lambda entry: (entry / "source.json").write_bytes(b"\xff\xfe"),
    "empty entry": lambda entry: (shutil.rmtree(entry), entry.mkdir()),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damaged_entry_is_replaced(source, damage):
    source.get()
    damage(source.entry)
    check(source.get())
    assert source.builds == 2
    check(source.get())
    assert source.builds == 2


def test_unwritable_folder_is_warned_of_once(source, caplog):
    source.folder.write_text("a file where the folder should be")
    for _ in range(2):
        recording = source.get()
        check(recording)
        assert not isinstance(recording.signal, np.memmap)
    (warning,) = (record.message for record in caplog.records)
    assert str(source.folder) in warning and "FINJAX_CACHE_DIR" in warning


def test_full_disk_leaves_nothing_behind(source, monkeypatch, caplog):
    def fail(file, *args, **kwargs):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", fail)
    check(source.get())
    assert "No space left on device" in caplog.records[0].message
    assert list((source.folder / "toy").iterdir()) == []


def test_an_entry_written_meanwhile_by_another_process_is_kept(source):
    other = Source(source.path.parent)

    def build():
        other.get()
        return source.build()

    recording = cache.cached(SPEC, 1, (source.path,), build, filter=NO_FILTER, cache_dir=source.folder)
    check(recording)
    assert len(list((source.folder / "toy").iterdir())) == 1


def test_failed_build_is_passed_on_and_leaves_nothing(source):
    def build():
        raise ValueError("unreadable")

    with pytest.raises(ValueError, match="unreadable"):
        cache.cached(SPEC, 1, (source.path,), build, filter=NO_FILTER, cache_dir=source.folder)
    assert not source.folder.exists()


def test_default_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("FINJAX_CACHE_DIR", str(tmp_path))
    assert cache.default_folder() == tmp_path
    monkeypatch.delenv("FINJAX_CACHE_DIR")
    monkeypatch.setenv("HOME", "/somewhere")
    assert str(cache.default_folder()) == "/somewhere/.cache/finjax"


def test_without_a_home_folder_nothing_is_cached_with_one_warning(no_home, source, caplog, monkeypatch):
    monkeypatch.setattr(cache, "log_once", functools.cache(log_once.__wrapped__))  # nothing said so far
    for _ in range(2):
        check(cache.cached(SPEC, 1, (source.path,), source.build, filter=NO_FILTER))
    assert cache.default_folder() is None
    assert source.builds == 2 and not source.folder.exists()
    assert [record.message for record in caplog.records] == [
        "recordings are not cached: this user has no home folder. Set FINJAX_CACHE_DIR to a folder"
    ]
