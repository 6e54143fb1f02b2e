"""One device and eight give the same parameters."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np

import finjax

ROOT = Path(__file__).parents[2]


def trained_on(devices: int, workdir: Path, *, stage: str, steps: int = 5):
    child = Path(__file__).with_name("devices_child.py")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, child, stage, str(devices), workdir, f"--steps={steps}"]
    subprocess.run(command, check=True, env=environment, timeout=300)
    return finjax.load(workdir)


def test_eight_devices_train_as_one(tmp_path):
    one, eight = (trained_on(n, tmp_path / str(n), stage="fin") for n in (1, 8))
    assert one.step == eight.step == 5
    start = one.network.init(jax.random.key(0), np.zeros((1, 600), np.float32))["params"]
    for (path, a), b, s in zip(
        jax.tree.leaves_with_path(one.params), jax.tree.leaves(eight.params), jax.tree.leaves(start), strict=True
    ):
        assert np.abs(a - s).max() > 1e-3, "training moved nothing"
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-5 * np.abs(a).max(), err_msg=jax.tree_util.keystr(path))


def test_three_devices_train_a_decoder_as_one(tmp_path):
    """BatchNorm sees the whole batch, which does not divide by three; each example has its own noise and dropout.

    A bias before a BatchNorm has no gradient but rounding's, which Adam makes large, and the running mean lags behind
    it: both are taken from one device's model.
    """
    one, three = (trained_on(n, tmp_path / str(n), stage="fine_tune", steps=8) for n in (1, 3))
    assert one.step == three.step == 8

    def with_those_of_one(path, theirs, ours):
        name = jax.tree_util.keystr(path)
        assert np.isfinite(theirs).all() and theirs.shape == ours.shape
        if ("conv" in name and "bias" in name) or "mean" in name:
            return ours
        np.testing.assert_allclose(theirs, ours, rtol=0, atol=1e-4 * np.abs(ours).max(), err_msg=name)
        return theirs

    params = jax.tree.map_with_path(with_those_of_one, three.params, one.params)
    stats = jax.tree.map_with_path(with_those_of_one, three.stats, one.stats)
    windows = np.random.default_rng(0).normal(size=(20, 12, 600)).astype(np.float32)
    expected = np.asarray(one.logits(windows))
    assert expected.std() > 0.1
    np.testing.assert_allclose(
        dataclasses.replace(three, params=params, stats=stats).logits(windows),
        expected,
        rtol=0,
        atol=2e-3 * np.abs(expected).max(),
    )
