"""A user's own dataset and feature, from one module, through the whole program."""

import json

import numpy as np
from conftest import ROOT, run_main


def test_own_dataset_and_feature(tmp_path):
    rng = np.random.default_rng(0)
    for subject in (1, 2):
        for session in (1, 2):
            np.savez(
                tmp_path / f"subject{subject}_session{session}.npz",
                emg=rng.normal(size=(4000, 2)),
                movement=np.repeat([0, 1], 2000),
                repetition=np.full(4000, session),
            )
    run_main(
        f"--config={ROOT}/configs/fin_ssi.py:test",
        f"--workdir={tmp_path}/run",
        "--config.plugins=examples.my_lab",
        "--config.data.name=my_lab",
        f"--config.data.dir={tmp_path}",
        f"--config.data.cache_dir={tmp_path}/cache",
        "--config.target=peak_power",
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
    )
    metrics = json.loads((tmp_path / "run/eval/metrics.json").read_text())
    assert (metrics["target"], metrics["dataset"]) == ("peak_power", "my_lab")
    # 2 segments of 2 s in the test session; windows of 300 every 10 samples.
    assert metrics["unseen"]["windows_available"] == 2 * ((2000 - 300) // 10 + 1)
