"""A user's own dataset and feature, from one module, through the whole program."""

import json

import numpy as np
from conftest import ROOT, run_main

MODULE = '''
import jax.numpy as jnp
import numpy as np

from finjax import features
from finjax.data.registry import DatasetSpec, Piece, Splits, register


def read(paths):
    """One subject's files to the pieces of their recording."""
    for path in paths:
        table = np.load(path)
        yield Piece(signal=table["emg"], movement=table["movement"], repetition=table["repetition"])


register(
    DatasetSpec(
        name="my_lab",
        rate_hz=1000.0,
        channel_names=("flexor", "extensor"),
        movement_names=("rest", "grip"),
        files=(r"subject(\\d+)_session\\d+\\.npz",),
        read=read,
        splits=Splits(seen_subjects="1", train_repetitions="1", test_repetitions="2"),
    )
)
features.register(
    features.Feature(
        name="peak_power",
        label="mean fourth power",
        direct=lambda x: jnp.mean(jnp.asarray(x) ** 4, axis=-1),
        terms=lambda x: [x**4],
        finish=lambda sums, length: sums[0] / length,
    )
)
'''


def test_own_dataset_and_feature(tmp_path):
    (tmp_path / "my_lab.py").write_text(MODULE)
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
        "--config.plugins=my_lab",
        "--config.data.name=my_lab",
        f"--config.data.dir={tmp_path}",
        f"--config.data.cache_dir={tmp_path}/cache",
        "--config.target=peak_power",
        env={"PYTHONPATH": str(tmp_path), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
    )
    metrics = json.loads((tmp_path / "run/eval/metrics.json").read_text())
    assert (metrics["target"], metrics["dataset"]) == ("peak_power", "my_lab")
    # 2 segments of 2 s in the test session; windows of 300 every 10 samples.
    assert metrics["unseen"]["windows_available"] == 2 * ((2000 - 300) // 10 + 1)
