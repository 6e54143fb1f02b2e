"""One device and eight give the same parameters."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np

import finjax

ROOT = Path(__file__).parents[2]


def trained_on(devices: int, workdir: Path) -> finjax.FINModel:
    child = Path(__file__).with_name("devices_child.py")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, child, str(devices), workdir], check=True, env=environment, timeout=300)
    return finjax.load(workdir)


def test_eight_devices_train_as_one(tmp_path):
    one, eight = (trained_on(n, tmp_path / str(n)) for n in (1, 8))
    assert one.step == eight.step == 5
    start = one.network.init(jax.random.key(0), np.zeros((1, 600), np.float32))["params"]
    for (path, a), b, s in zip(
        jax.tree.leaves_with_path(one.params), jax.tree.leaves(eight.params), jax.tree.leaves(start), strict=True
    ):
        assert np.abs(a - s).max() > 1e-3, "training moved nothing"
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-5 * np.abs(a).max(), err_msg=jax.tree_util.keystr(path))
