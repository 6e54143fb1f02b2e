"""Settings of JAX that change its default types do not change finjax."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
import stages_child

from finjax.configs import cnn, fin
from finjax.devices.defaults import with_defaults
from finjax.evaluation import figures

# Settings that users have for other work.
SETTINGS = {
    "JAX_ENABLE_X64": "1",
    "JAX_NUMPY_DTYPE_PROMOTION": "strict",
    "JAX_THREEFRY_PARTITIONABLE": "0",
    "JAX_DEFAULT_PRNG_IMPL": "rbg",
    "JAX_NUM_CPU_DEVICES": "2",  # the configurations say 1
}


@pytest.mark.slow
def test_every_stage_gives_the_same_with_any_settings_of_jax(tmp_path, monkeypatch):
    """The compiled programs are the same, so the numbers are too, to the last bit."""
    environment = {**os.environ, **SETTINGS, "PYTHONPATH": str(Path(__file__).parents[2])}
    script = Path(__file__).with_name("stages_child.py")
    command = [sys.executable, script, tmp_path / "child", tmp_path / "found.npz"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        monkeypatch.setattr(figures, "save", lambda figure, path: None)
        expected = stages_child.trained(tmp_path / "here", modules=(fin, cnn))
        _, errors = child.communicate(timeout=300)
    assert child.returncode == 0, errors
    with np.load(tmp_path / "found.npz") as found:
        assert set(found) == {"fin", "cnn", "fine_tune", "raw_cnn", "live", "exported", "estimator"}
        for name, numbers in found.items():
            assert np.isfinite(numbers).all() and np.ptp(numbers) > 0, name
            assert numbers.dtype == (np.float64 if name == "estimator" else np.float32), name
        for name, numbers in expected.items():
            np.testing.assert_array_equal(found[name], numbers, err_msg=name)


def test_the_defaults_hold_only_inside_the_function():
    @with_defaults
    def inside():
        return jax.numpy.arange(3).dtype, jax.numpy.zeros(3, np.int32) + np.float32(1)

    with jax.enable_x64(True), jax.numpy_dtype_promotion("strict"):
        kind, total = inside()
        assert kind == np.int32 and total.dtype == np.float32
        assert jax.numpy.arange(3).dtype == np.int64
