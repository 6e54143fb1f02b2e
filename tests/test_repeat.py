"""Runs that are repeated from their record, stopped, killed or refused."""

import json
import logging
import os
import re
import signal
import subprocess
import sys
import time

import jax
import numpy as np
import pytest
from conftest import ROOT, run_main

import finjax
from finjax.configs import classical, cnn, fine_tune, raw_cnn, recorded, study
from finjax.errors import ConfigError
from finjax.training.logs import record_run
from soak import kills

TEST = f"--config={ROOT}/configs/fin_ssi.py:test"


def assert_equal_models(one, other):
    one, other = finjax.load(one), finjax.load(other)
    assert one.step == other.step
    for a, b in zip(jax.tree.leaves(one.params), jax.tree.leaves(other.params), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_a_run_is_repeated_from_its_config_json_bit_for_bit(finished_run, tmp_path):
    workdir, _ = finished_run
    run_main(f"--config={workdir}/config.json", f"--workdir={tmp_path}/again")
    assert_equal_models(workdir, tmp_path / "again")


@pytest.mark.slow
def test_fields_of_a_recorded_configuration_can_be_set(finished_run, tmp_path):
    options = ["--config.prediction=3,5", "--config.data.filter.notch_hz=50", "--config.train.max_steps=2"]
    run_main("--config", f"{finished_run[0]}/config.json", f"--workdir={tmp_path}", *options)
    model = finjax.load(tmp_path / "prediction_5")
    assert (model.step, model.config.prediction, model.config.data.filter.notch_hz) == (2, (3, 5), 50.0)


@pytest.mark.parametrize("stage", [cnn, fine_tune, raw_cnn, classical, study])
@pytest.mark.parametrize("preset", [None, "test"])
def test_every_stage_is_restored_from_its_record(stage, preset, tmp_path):
    config = stage.get_config(preset)
    record_run(tmp_path / "config.json", config.to_dict(), resumed=False)
    again = recorded.get_config(str(tmp_path / "config.json"))
    if "cpu_devices" in config:
        assert again.cpu_devices == jax.local_device_count()
        again.cpu_devices = config.cpu_devices
    assert again.to_dict() == config.to_dict()


@pytest.mark.slow
def test_other_versions_are_warned_of(finished_run, tmp_path, caplog):
    described = json.loads((finished_run[0] / "config.json").read_text())
    described["versions"]["jax"] = "0.1"
    (tmp_path / "config.json").write_text(json.dumps(described))
    with caplog.at_level(logging.WARNING):
        recorded.get_config(str(tmp_path / "config.json"))
    assert re.search(r"numbers may differ \(jax: recorded 0\.1, now \d", caplog.text)


@pytest.mark.parametrize(("content", "message"), [(None, "no such file"), ("{", "JSON"), ("{}", "config")])
def test_a_file_without_a_configuration_is_refused(tmp_path, content, message):
    if content:
        (tmp_path / "x.json").write_text(content)
    with pytest.raises(ConfigError, match=f"holds no configuration of a run .*{message}"):
        recorded.get_config(str(tmp_path / "x.json"))


@pytest.mark.slow
def test_an_error_shows_its_traceback_only_with_debug(tmp_path):
    done = run_main(f"--config={tmp_path}/none.json", check=False)
    assert done.returncode == 1 and re.fullmatch("error: .*none.json holds no configuration.*\n", done.stderr)
    refused = [TEST, f"--workdir={tmp_path}/run", "--config.seed=-1"]
    done = run_main(*refused, check=False)
    assert done.returncode == 1 and done.stderr.startswith("error: ") and "Traceback" not in done.stderr
    done = run_main(*refused, "--debug", check=False)
    assert done.returncode == 1 and "Traceback" in done.stderr and "\nerror: --config.seed=-1" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(("signum", "status"), [(signal.SIGTERM, 75), (signal.SIGINT, 130)])
def test_a_stopped_program_saves_and_says_how_to_resume(tmp_path, signum, status):
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "main.py"), TEST, f"--workdir={tmp_path}", "--config.train.max_steps=100000"],
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while not (tmp_path / "checkpoints" / "10").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signum)
    _, said = process.communicate(timeout=120)
    assert process.returncode == status, said
    assert f"stopped by {signum.name}. Run the same command again to resume" in said and "Traceback" not in said
    step = int(re.search(r"step (\d+) is saved", said)[1])
    assert finjax.load(tmp_path).step == step
    assert not (tmp_path / "lock.json").exists()


@pytest.mark.slow
def test_a_training_killed_at_random_moments_ends_like_an_uninterrupted_one(tmp_path):
    found = kills.run(tmp_path, kills=3, steps=60, seed=0)
    assert found["kills"] == 3 and found["trainings_finished"] >= 1
