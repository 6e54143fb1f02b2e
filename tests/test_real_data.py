"""The whole program on real recordings, briefly."""

import json
import os

import pytest
from conftest import ROOT, run_main

pytestmark = pytest.mark.slow


@pytest.mark.real_data("FINJAX_3DC_DIR")
def test_a_fin_learns_rms_from_eight_people(tmp_path):
    run_main(
        f"--config={ROOT}/configs/fin_rms.py:fast",
        f"--workdir={tmp_path}",
        "--config.data.name=three_dc",
        f"--config.data.dir={os.environ['FINJAX_3DC_DIR']}",
        "--config.train.max_steps=150",
        "--config.evaluate.max_windows=300",
        "--config.log.tensorboard=False",
    )
    metrics = json.loads((tmp_path / "eval/metrics.json").read_text())
    assert set(metrics["unseen"]["per_subject"]) == {"7", "8"}
    assert metrics["seen"]["r2"] > 0.95
    assert metrics["unseen"]["r2"] > 0.95


@pytest.mark.real_data("FINJAX_DB1_DIR")
def test_a_cnn_trains_on_ninapro_db1(tmp_path):
    run_main(
        f"--config={ROOT}/configs/cnn.py:test",
        f"--workdir={tmp_path}/run",
        "--config.data.name=ninapro_db1",
        f"--config.data.dir={os.environ['FINJAX_DB1_DIR']}",
        f"--config.data.cache_dir={tmp_path}/cache",
        "--config.subject=1",
        "--config.step=100ms",
        "--config.train.max_epochs=4",
        "--config.log.tensorboard=False",
    )
    metrics = json.loads((tmp_path / "run/eval/metrics.json").read_text(encoding="utf-8"))
    assert metrics["summary"]["accuracy"]["mean"] > 2 / 12  # chance is one of twelve
