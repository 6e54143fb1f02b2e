"""The whole program on real recordings, briefly."""

import json
import os

import pytest
from conftest import ROOT, run_main


@pytest.mark.real_data("FINJAX_3DC_DIR")
def test_a_fin_learns_rms_from_eight_people(tmp_path):
    run_main(
        f"--config={ROOT}/configs/fin_rms.py:fast",
        f"--workdir={tmp_path}",
        "--config.data.name=three_dc",
        f"--config.data.dir={os.environ['FINJAX_3DC_DIR']}",
        "--config.train.max_steps=300",
        "--config.evaluate.max_windows=300",
        "--config.log.tensorboard=False",
    )
    metrics = json.loads((tmp_path / "eval/metrics.json").read_text())
    assert set(metrics["unseen"]["per_subject"]) == {"7", "8"}
    assert metrics["seen"]["r2"] > 0.95
    assert metrics["unseen"]["r2"] > 0.95
