"""Faults of a training: it is stopped, its checkpoints are damaged, its disk is full, read-only or removed."""

import contextlib
import os
import re
import resource
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from toy import config, final, problem, train_toy

from finjax.errors import CheckpointError, LockError, StorageError
from finjax.system.interrupts import Interrupted, raised_at_once
from finjax.tasks.stages import STAGES, run_stage
from finjax.training.checkpoints import read_model


@pytest.fixture
def train(monkeypatch):
    """Returns a function that trains the toy problem as a stage and calls `at` at step 10."""

    def train(workdir: Path, at=None, **changes):
        def stage(config, workdir, *, mode):
            train_toy(problem(watch=lambda state: at() or {}), config, workdir)

        monkeypatch.setitem(STAGES, "fin", stage)
        run_stage(config(**({"evaluate.every_steps": 10} if at else {}), **changes), workdir, mode="train")

    return train


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A run without faults."""
    workdir = tmp_path_factory.mktemp("whole")
    train_toy(problem(), config(), workdir)
    return workdir


@pytest.fixture
def finished(whole, tmp_path) -> Path:
    """A copy of `whole`, which a test may damage: its checkpoints are of steps 15 and 20."""
    workdir = shutil.copytree(whole, tmp_path / "run")
    assert steps(workdir) == [15, 20]
    return workdir


@pytest.fixture
def small_disk(tmp_path):
    """A small disk, which a test may fill."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1M", "tmpfs", folder], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"only root can mount: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def wait_for_step_5(workdir: Path):
    """Waits until the checkpoint of step 5 is saved, in the background."""
    deadline = time.monotonic() + 60
    while not (workdir / "checkpoints/5").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def steps(workdir: Path) -> list[int]:
    return sorted(int(path.name) for path in (workdir / "checkpoints").iterdir() if path.name.isdigit())


def send(*signals):
    for signum in signals:
        os.kill(os.getpid(), signum)


@pytest.mark.parametrize("signals", [[signal.SIGUSR1], [signal.SIGTERM, signal.SIGTERM], [signal.SIGINT]])
def test_a_stopped_training_saves_and_resumes_exactly(train, tmp_path, whole, signals):
    before = signal.getsignal(signal.SIGTERM)
    program = raised_at_once() if signals == [signal.SIGUSR1] else contextlib.nullcontext()  # as in main.py
    with pytest.raises(Interrupted, match=f"{signals[0].name}. Run the same command again to resume"), program:
        train(tmp_path, at=lambda: send(*signals), **{"checkpoint.every_steps": 1000})
    assert signal.getsignal(signal.SIGTERM) is before
    assert steps(tmp_path) == [13]  # the end of the next dispatch
    train(tmp_path)
    assert final(tmp_path) == final(whole)


def test_a_second_ctrl_c_stops_without_saving(train, tmp_path):
    with pytest.raises(Interrupted):
        train(tmp_path, at=lambda: send(signal.SIGINT, signal.SIGINT), **{"checkpoint.every_steps": 1000})
    assert steps(tmp_path) == []


def empty(folder: Path):
    for file in folder.rglob("*"):
        if file.is_file():
            file.write_bytes(b"")


def remove(folder: Path):
    shutil.rmtree(folder)


def flip(folder: Path):
    """Changes one byte of the largest file, where the numbers are."""
    file = max((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


ITEMS = ("variables", "opt_state", "normalisers", "model", "progress", "digests", "metrics")


@pytest.mark.parametrize(
    ("damage", "item"),
    [(empty, ""), *((damage, item) for item in ITEMS for damage in (empty, remove, flip))],
)
def test_a_damaged_checkpoint_is_trained_again_from_the_one_before(train, finished, whole, damage, item):
    damage(finished / "checkpoints/20" / item)
    train(finished)
    assert steps(finished) == [15, 20]
    assert final(finished) == final(whole)
    assert read_model(finished).step == 20


def test_a_warning_names_a_damaged_checkpoint_and_the_one_used(train, finished, caplog):
    flip(finished / "checkpoints/20/variables")
    train(finished)
    assert "checkpoints/20 " in caplog.text and re.search("Using the one before: .*checkpoints/15$", caplog.text, re.M)
    assert (finished / "damaged/20_0").is_dir()


def test_damaged_numbers_are_never_read(finished):
    """After a change of any bit in the files of the parameters, the saved value is read, or an error is raised."""
    value, random = final(finished), np.random.default_rng(0)
    files = [path for path in (finished / "checkpoints/20/variables").rglob("*") if path.is_file()]
    refused = 0
    for _ in range(40):
        file = files[random.integers(len(files))]
        content = file.read_bytes()
        damaged = bytearray(content)
        damaged[random.integers(len(content))] ^= 1 << random.integers(8)
        file.write_bytes(damaged)
        try:
            assert read_model(finished, step=20).params["value"] == value
        except CheckpointError:
            refused += 1
        file.write_bytes(content)
    assert refused > 5


def test_if_all_checkpoints_are_damaged_nothing_is_moved_or_trained(train, finished):
    for step in (15, 20):
        empty(finished / f"checkpoints/{step}/opt_state")
    with pytest.raises(CheckpointError, match=r"20 .*checkpoints/15 .*There is no other checkpoint: .*train again"):
        train(finished)
    assert steps(finished) == [15, 20]


def test_a_damaged_checkpoint_is_refused_if_its_step_is_given(finished):
    flip(finished / "checkpoints/20/variables")
    assert read_model(finished).step == 15
    with pytest.raises(CheckpointError, match="checkpoints/20 "):
        read_model(finished, step=20)


def test_a_full_disk_ends_the_run_and_keeps_earlier_checkpoints(train, small_disk, whole):
    def fill():
        wait_for_step_5(small_disk)
        with contextlib.suppress(OSError), (small_disk / "filler").open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass

    with pytest.raises(StorageError, match=r"No space left on device.*free some space.*run the same command again"):
        train(small_disk, at=fill, **{"log.tensorboard": True})
    assert 5 in steps(small_disk)
    (small_disk / "filler").unlink()
    train(small_disk)
    assert final(small_disk) == final(whole)


def test_a_limit_on_the_size_of_files_ends_the_run(train, tmp_path, whole):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with pytest.raises(StorageError, match=r"File too large.*ulimit -f"):
            train(tmp_path, at=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (64, hard)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    train(tmp_path)
    assert final(tmp_path) == final(whole)


def test_a_disk_that_becomes_read_only_ends_the_run(train, small_disk, tmp_path, whole):
    checkpoints = tmp_path / "run/checkpoints"
    checkpoints.parent.mkdir()
    checkpoints.symlink_to(small_disk)  # nothing else: a disk with files open for writing cannot become read-only

    def remount(how):
        wait_for_step_5(tmp_path / "run")
        subprocess.run(["mount", "-o", f"remount,{how}", small_disk], check=True)

    with pytest.raises(StorageError, match=r"not written: Read-only file system.*make it writable.*Kept: step 5"):
        train(tmp_path / "run", at=lambda: remount("ro"))
    remount("rw")
    train(tmp_path / "run")
    assert final(tmp_path / "run") == final(whole)


def test_a_folder_that_cannot_be_created_is_refused(train, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"Not a directory.*choose another folder"):
        train(tmp_path / "file" / "run")


def test_a_folder_that_vanishes_ends_the_run(train, tmp_path):
    def vanish():
        wait_for_step_5(tmp_path / "run")
        shutil.rmtree(tmp_path / "run")

    with pytest.raises(StorageError, match="run/checkpoints is gone"):
        train(tmp_path / "run", at=vanish)
    assert not (tmp_path / "run").exists()


def test_a_second_training_in_the_same_folder_is_refused(train, tmp_path, whole):
    def second():
        with pytest.raises(LockError, match="in use by process"):
            train(tmp_path)

    train(tmp_path, at=second)
    assert final(tmp_path) == final(whole)
    assert not (tmp_path / "lock.json").exists()
