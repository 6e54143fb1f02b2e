"""The program as a user runs it: runs are trained, evaluated, resumed and refused."""

import json
import os
import re
import shutil

import jax
import numpy as np
import pytest
from absl import flags
from conftest import ROOT, run_main
from ml_collections import ConfigDict, config_flags

import finjax
from finjax.errors import FinjaxError
from finjax.run import run

TEST = f"--config={ROOT}/configs/fin_ssi.py:test"


def configured(*options: str) -> ConfigDict:
    """Returns the configuration that main.py would run, without a process for it."""
    values, command = flags.FlagValues(), ["main.py", TEST, *options]
    config = config_flags.DEFINE_config_file("config", lock_config=True, flag_values=values, sys_argv=command)
    values(command)
    return config.value


def test_a_run_writes_its_files(finished_run):
    workdir, printed = finished_run
    for name in (
        "config.json",
        "metrics.jsonl",
        "eval/metrics.json",
        "eval/r2_distribution.png",
        "eval/predicted_vs_true.png",
        "eval/examples.png",
    ):
        assert (workdir / name).stat().st_size > 0, name
    assert re.search(r"SSI, 0 ms ahead, synthetic data, seed 0, step 20", printed)
    assert re.search(r"seen +-?\d+\.\d+", printed) and re.search(r"unseen +-?\d+\.\d+", printed)


def test_metrics_of_the_evaluation(finished_run):
    metrics = json.loads((finished_run[0] / "eval/metrics.json").read_text())
    assert metrics["horizon_ms"] == 0
    for part, subject in (("seen", "1"), ("unseen", "2")):
        assert set(metrics[part]["per_subject"]) == {subject}
        assert len(metrics[part]["per_channel"]) == 12
        assert metrics[part]["windows"] == 50
        assert {"r2", "mae", "mape"} <= set(metrics[part])
        # 17 movements × 2 repetitions of 1 s: (2000 − 600) // 20 + 1 = 71 windows each.
        assert metrics[part]["windows_available"] == 17 * 2 * 71


@pytest.mark.slow
def test_evaluating_again_gives_the_same(finished_run, tmp_path):
    workdir = shutil.copytree(finished_run[0], tmp_path / "run")
    path = workdir / "eval/metrics.json"
    before = json.loads(path.read_text())
    path.unlink()
    run_main(TEST, f"--workdir={workdir}", "--mode=evaluate")
    after = json.loads(path.read_text())
    assert (after["seen"], after["unseen"]) == (before["seen"], before["unseen"])


@pytest.mark.slow
def test_evaluation_of_another_model_is_refused(finished_run):
    workdir, _ = finished_run
    for option, message in (
        ("--config.target=rms", "checkpoint has the feature ssi, but the configuration asks for rms"),
        ("--config.data.filter.notch_hz=50", "has the filter .*None.*50.0"),
        ("--config.data.seen_subjects=2", "calls subjects 1 unseen, but the model was trained on subjects 1"),
        ("--config.window=150ms", "length=600.*length=300"),
        ("--config.prediction=2", "horizon=0.*horizon=2"),
    ):
        with pytest.raises(FinjaxError, match=message):
            run(configured(option), workdir=workdir, mode="evaluate")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--config.train.batch_size=0"], "train.batch_size=0: must be at least 1"),
        (["--config.prediction=x"], "whole numbers of 0 or more"),
        (["--config.target=rsm"], "unknown feature 'rsm'"),
        (["--config.data.name=ninapro_db9"], "unknown dataset 'ninapro_db9'"),
        (["--config.data.name=ninapro_db2"], "--config.data.dir=FOLDER.*ninapro.hevs.ch"),
        (["--config.data.name=ninapro_db2", "--config.data.dir=/nowhere"], "no such folder: /nowhere"),
        (["--config.prediction=100"], "no window fits.*segment of 2600, and the longest has 2000"),
        (["--config.data.subjects=1,7"], "no data of subjects 7; there are 1-2"),
        (["--config.data.train_repetitions=9"], "have no window in the training repetitions 9"),
        (["--config.window=0.2ms"], "it must be 1 sample, 0.5 ms, or more"),
        (["--config.data.synthetic.movement_s=0.5"], "config.data.synthetic.movement_s=0.5: must be 0.8 to 3600"),
        (
            ["--config.data.filter.highpass_hz=5000"],
            "config.data.filter.highpass_hz=5000 must lie above 0",
        ),
        (["--config.seed=-1"], "config.seed=-1: must be at least 0"),
        (["--config.plugins=no_such_module"], "config.plugins=no_such_module"),
        (["--config.model.init=orthogonal"], "config.model.init='orthogonal': choose from chrono, uniform"),
    ],
)
def test_impossible_settings_are_refused(tmp_path, options, message):
    with pytest.raises(FinjaxError, match=message) as refused:
        run(configured(*options), workdir=tmp_path)
    assert len(str(refused.value).splitlines()) <= 4
    assert not (tmp_path / "checkpoints").exists()


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--config.traget=rms", 'Did you mean "target"'),
        ("--config.cnn.learning_rate=1", "no such field in the configuration: cnn"),
        ("--config.data.name=ninapro_db2", "--config.data.dir=FOLDER.*ninapro.hevs.ch"),
    ],
)
def test_an_error_is_printed_as_one_message(tmp_path, option, message):
    done = run_main(TEST, f"--workdir={tmp_path}", option, check=False)
    assert done.returncode == 1
    assert re.search(message, done.stderr)
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 4, done.stderr
    assert not (tmp_path / "checkpoints").exists()


def test_an_unknown_mode_is_refused(tmp_path):
    with pytest.raises(FinjaxError, match="unknown mode 'Train'; choose from train, evaluate"):
        run(configured(), workdir=tmp_path, mode="Train")


def test_training_repetitions_cannot_be_test_repetitions(finished_run):
    repetitions = [
        "--config.data.train_repetitions=6",
        "--config.data.unseen_tune_repetitions=6",
        "--config.data.test_repetitions=3",
    ]
    with pytest.raises(FinjaxError, match="trained on repetitions 3 of subject 1; they cannot be test repetitions"):
        run(configured(*repetitions), workdir=finished_run[0], mode="evaluate")


def test_the_evaluation_says_where_the_z_scores_come_from(finished_run):
    workdir, printed = finished_run
    said = "z-scores from: subjects 1-2: all their samples outside the test repetitions, without labels"
    assert said in printed
    metrics = json.loads((workdir / "eval/metrics.json").read_text())
    assert metrics["unseen"]["statistics_from"] == {"2": "unlabelled"}


@pytest.mark.slow
def test_unseen_people_can_be_evaluated_alone(finished_run, tmp_path):
    shutil.copytree(finished_run[0], tmp_path / "run")
    run_main(TEST, f"--workdir={tmp_path}/run", "--mode=evaluate", "--config.data.subjects=2")
    metrics = json.loads((tmp_path / "run/eval/metrics.json").read_text())
    assert "seen" not in metrics and set(metrics["unseen"]["per_subject"]) == {"2"}


@pytest.mark.slow
def test_a_damaged_checkpoint_is_trained_again_from_the_one_before(finished_run, tmp_path):
    shutil.copytree(finished_run[0], tmp_path / "run")
    for file in (tmp_path / "run/checkpoints/20/opt_state").rglob("*"):
        if file.is_file():
            file.write_bytes(b"")
    done = run_main(TEST, f"--workdir={tmp_path}/run")
    assert len(re.findall(r"checkpoints/20 cannot be read .*Using the one before: .*/10\n", done.stderr)) == 1
    assert "Traceback" not in done.stderr
    whole, again = finjax.load(finished_run[0]), finjax.load(tmp_path / "run")
    assert whole.step == again.step == 20
    for one, other in zip(jax.tree.leaves(whole.params), jax.tree.leaves(again.params), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_a_run_of_another_configuration_is_not_resumed(finished_run):
    done = run_main(TEST, f"--workdir={finished_run[0]}", "--config.seed=5", check=False)
    assert done.returncode == 1
    assert re.search(r"another configuration \(seed: recorded 0, now 5\).*another --workdir", done.stderr)


@pytest.mark.slow
def test_several_horizons_are_trained_and_compared(tmp_path):
    done = run_main(
        TEST, f"--workdir={tmp_path}", "--config.prediction=0,3", env={**os.environ, "PYTHONIOENCODING": "ascii"}
    )
    summary = json.loads((tmp_path / "horizons.json").read_text())
    assert [row["horizon_ms"] for row in summary] == [0, 30]
    assert (tmp_path / "horizons.png").stat().st_size > 0
    assert finjax.load(tmp_path / "prediction_3").horizon_ms == 30
    assert "R2 of SSI against horizon" in done.stdout  # the terminal's encoding has no ²
