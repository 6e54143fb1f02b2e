"""A missing device is reported before another error hides the cause."""

import jax
import numpy as np
import pytest

from finjax.configs import classical, cnn, study
from finjax.devices.require import require_devices
from finjax.errors import DeviceError
from finjax.estimator import FINFeatures
from finjax.inference.exported import load_exported
from finjax.run import run
from finjax.training.checkpoints import Checkpoints, read_model

ROCM = "Unable to initialize backend 'rocm': not in the list of known backends (set JAX_PLATFORMS='' to choose)"


@pytest.fixture(params=[RuntimeError(ROCM), AssertionError()], ids=["unknown", "bare"])
def no_device(request, monkeypatch):
    """JAX as it is with JAX_PLATFORMS=gpu on a machine without a GPU."""

    def devices(*backend):
        raise request.param

    monkeypatch.setattr(jax, "devices", devices)
    monkeypatch.setattr("finjax.devices.parallel.use_cpu_devices", lambda count, **batch: None)  # JAX is in use
    monkeypatch.setenv("JAX_PLATFORMS", "gpu")
    before = jax.config.jax_platforms
    jax.config.update("jax_platforms", "gpu")
    yield
    jax.config.update("jax_platforms", before)


def test_the_message_names_the_setting_and_the_remedy(no_device):
    with pytest.raises(DeviceError, match=r"^JAX_PLATFORMS=gpu: JAX cannot use gpu .*JAX_PLATFORMS=cpu$") as raised:
        require_devices()
    assert "(set" not in str(raised.value)  # JAX's advice would use any device


def test_functions_that_need_devices_check_them_first(no_device, tmp_path):
    (tmp_path / "model.finjax").write_bytes(b"")
    configs = [cnn.get_config("test"), classical.get_config("test"), study.get_config("test")]
    for use in (
        lambda: read_model(tmp_path),
        lambda: Checkpoints(tmp_path),
        lambda: load_exported(tmp_path / "model.finjax"),
        lambda: FINFeatures().fit(np.zeros((2, 3, 400))),
        *(lambda config=config: run(config, workdir=tmp_path / "run") for config in configs),
    ):
        with pytest.raises(DeviceError):
            use()
    assert [path.name for path in tmp_path.iterdir()] == ["model.finjax"]
