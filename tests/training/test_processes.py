"""Two processes of two devices train as one process of four."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest

import finjax
from finjax.configs import classical, study
from finjax.errors import ConfigError
from finjax.run import place_of
from finjax.system.process_place import SINGLE_PROCESS, ProcessPlace, find_place
from finjax.training.logs import read_metrics

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
CHILD = Path(__file__).with_name("devices_child.py")
# The same number of threads in each process, because matrix products are split by it.
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "NPROC": "4"}


def run_processes(command: list, count: int = 2, **options) -> list[tuple[int, str]]:
    """Runs a command in several processes on this machine; returns their exit codes and outputs."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    flags = [f"--coordinator=127.0.0.1:{port}", f"--num_processes={count}"]
    running = [
        subprocess.Popen(
            [sys.executable, *map(str, command), *flags, f"--process_id={index}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **{"env": ENVIRONMENT, **options},
        )
        for index in range(count)
    ]
    try:
        outputs = [process.communicate(timeout=300)[0] for process in running]
    finally:
        for process in running:
            process.kill()
    return [(process.returncode, output) for process, output in zip(running, outputs, strict=True)]


def trained(stage: str, workdir: Path, *, devices: int, processes: int):
    command = [CHILD, stage, devices, workdir, "--subjects=2", "--steps=20", "--layers=1"]
    if processes == 1:
        subprocess.run([sys.executable, *map(str, command)], check=True, env=ENVIRONMENT, timeout=300)
    else:
        for code, output in run_processes(command, processes):
            assert code == 0, output
    return finjax.load(workdir)


def assert_equal_models(one, other):
    """The bits should be the same: every device runs the same program, and sums add their terms in the same order."""
    assert one.step == other.step == 20
    for part in ("params", "stats"):
        expected, found = getattr(one, part, {}), getattr(other, part, {})
        for (path, a), b in zip(jax.tree.leaves_with_path(expected), jax.tree.leaves(found), strict=True):
            where = jax.tree_util.keystr(path)
            np.testing.assert_allclose(b, a, rtol=0, atol=1e-5 * np.abs(a).max(), err_msg=where)


def train_in_one_and_two(stage: str, folder: Path) -> Path:
    """Trains with one process in the folder `one`, and with two in `two`."""
    trained(stage, folder / "one", devices=4, processes=1)
    trained(stage, folder / "two", devices=2, processes=2)
    return folder


@pytest.fixture(scope="module")
def decoders(tmp_path_factory) -> Path:
    return train_in_one_and_two("fine_tune", tmp_path_factory.mktemp("decoders"))


def test_a_fin_is_the_same_from_two_processes(tmp_path):
    runs = train_in_one_and_two("fin", tmp_path)
    assert_equal_models(finjax.load(runs / "one"), finjax.load(runs / "two"))


def test_fin_and_cnn_are_the_same_from_two_processes(decoders):
    """BatchNorm's statistics are over all devices too, and no bit may differ, because Adam could amplify it."""
    assert_equal_models(finjax.load(decoders / "one"), finjax.load(decoders / "two"))


def test_only_one_process_writes(decoders):
    assert sorted(path.name for path in (decoders / "two").iterdir()) == ["checkpoints", "config.json", "metrics.jsonl"]
    one, two = (read_metrics(decoders / run) for run in ("one", "two"))
    assert [line["step"] for line in one] == [line["step"] for line in two] and len(one) > 4


def test_one_process_resumes_a_run_of_two(decoders, tmp_path):
    """As if both processes had been killed after the checkpoint of step 10."""
    cut = shutil.copytree(decoders / "two", tmp_path / "cut")
    shutil.rmtree(cut / "checkpoints" / "20")
    assert (cut / "checkpoints" / "10").is_dir()
    assert_equal_models(finjax.load(decoders / "one"), trained("fine_tune", cut, devices=4, processes=1))
    assert "resumed" in (cut / "config.json").read_text()


def test_a_file_that_one_process_cannot_read_ends_both_with_one_message(tmp_path):
    for subject in (1, 2):  # the second process reads subject 2
        folder = tmp_path / "data" / f"Participant{subject}" / "train" / "EMG"
        folder.mkdir(parents=True)
        rows = np.random.default_rng(subject).integers(-100, 100, (1000, 10))
        np.savetxt(folder / "3dc_EMG_gesture_0_0.txt", rows, fmt="%d", delimiter=",")
    (folder / "3dc_EMG_gesture_0_0.txt").write_text("no numbers\n")
    command = [
        ROOT / "main.py",
        f"--config={ROOT}/configs/fin_ssi.py:test",
        "--config.data.name=three_dc",
        f"--config.data.dir={tmp_path}/data",
        f"--config.data.cache_dir={tmp_path}/cache",
        "--config.data.seen_subjects=1",
        f"--workdir={tmp_path}/run",
    ]
    started = time.monotonic()
    (code_0, output_0), (code_1, output_1) = run_processes(command)
    assert code_0 and code_1 and time.monotonic() - started < 60
    both = output_0 + output_1
    assert both.count("error: 1 of 2 subjects of three_dc cannot be read") == 1 and "line 1" in both
    assert "Traceback" not in both and not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ({"count": 2, "index": 0}, "without --coordinator: give all three"),
        ({"coordinator": "node1", "count": 2, "index": 0}, "--coordinator=node1: give host and port"),
        ({"coordinator": "node1:1234", "count": 2, "index": 2}, "--num_processes=2 --process_id=2"),
    ],
)
def test_flags_that_do_not_fit_together_are_refused(place, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        find_place(**place)


def test_a_study_or_a_classical_decoder_in_several_processes_is_refused():
    many = ProcessPlace(count=4, index=1, launcher="slurm")
    assert place_of(study.get_config(), many, shard="2/4") == SINGLE_PROCESS  # each runs a part
    for config, message in ((study.get_config(), "4 processes for one study"), (classical.get_config(), "a single")):
        with pytest.raises(ConfigError, match=message):
            place_of(config, many, shard="")


def test_only_a_slurm_step_of_several_tasks_joins_processes(monkeypatch):
    for name in ("SLURM_JOB_ID", "SLURM_PROCID", "SLURM_LOCALID", "SLURM_NTASKS"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("SLURM_NTASKS", "8")  # tasks of the allocation; the process is a shell in it
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "1")
    assert find_place() == SINGLE_PROCESS
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "8")
    assert find_place() == ProcessPlace(count=8, index=1, launcher="slurm")
