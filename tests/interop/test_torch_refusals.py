"""Files that are damaged, malicious, or hold another network are refused, and what is wrong is said."""

import pickle
import sys
import zipfile

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install torch")

from published import SMALL_CNN, SMALL_FIN, SSI, random_cnn, random_fin, save  # noqa: E402

from finjax.errors import CheckpointError, ConfigError, DataError, FinjaxError  # noqa: E402
from finjax.interop import torch_weights  # noqa: E402
from finjax.interop.model_description import ModelDescription  # noqa: E402
from finjax.interop.torch_import import import_checkpoint  # noqa: E402
from finjax.interop.torch_weights import read_state_dict  # noqa: E402
from finjax.training.checkpoints import has_checkpoint  # noqa: E402


class Malicious:
    """Runs a command when it is unpickled."""

    def __init__(self, command: str):
        self.command = command

    def __reduce__(self):
        import os

        return os.system, (self.command,)


def pickle_alone(content, path):
    path.write_bytes(pickle.dumps(content, protocol=2))


@pytest.mark.parametrize("write", [torch.save, pickle_alone])
def test_code_in_a_file_is_not_run(tmp_path, write):
    trace, path = tmp_path / "it_ran", tmp_path / "in.pth"
    write({"state_dict": {}, "extra": Malicious(f"touch {trace}")}, path)
    with pytest.raises(CheckpointError, match=r"in\.pth: it is damaged or holds more than tensors \(it names .*system"):
        import_checkpoint(path, tmp_path / "out", SSI)
    assert not trace.exists()
    torch.load(path, weights_only=False) if write is torch.save else pickle.loads(path.read_bytes())
    assert trace.exists()  # the file was what it was meant to be


def test_a_pickled_network_is_refused(tmp_path):
    torch.save(random_cnn(**SMALL_CNN), tmp_path / "whole.pth")
    with pytest.raises(CheckpointError, match=r"names benchmarks.rival.TorchCNN.*torch.save\(model.state_dict\(\)"):
        import_checkpoint(tmp_path / "whole.pth", tmp_path / "out", ModelDescription())
    assert not has_checkpoint(tmp_path / "out")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1, 2], "holds list, but no state dict, not even as state_dict or model_state_dict: save one with"),
        ({"model": {}, "epoch": 1}, "holds model, epoch, but no state dict"),
        ({}, "this file has none of these, and holds nothing"),
        ({"weight": torch.zeros(2)}, "one conv1.weight; this file has none of these, and holds weight"),
        ({"a.conv1.weight": torch.zeros(2), "b.conv1.weight": torch.zeros(2)}, "this file has 2 of these"),
        ({"conv1.weight": torch.tensor(float("nan"))}, "not finite, in conv1.weight"),
        ({"conv1.weight": torch.zeros(2)}, "not the published CNN: conv1.weight is 2, but must have 4 dimensions"),
        ({"conv1.weight": torch.zeros(2, 2, 1, 1)}, "it has no conv2.weight; it holds conv1.weight"),
    ],
)
def test_a_file_without_a_state_dict_of_either_network_is_refused(tmp_path, content, message):
    with pytest.raises(CheckpointError, match=message):
        import_checkpoint(save(content, tmp_path), tmp_path / "out", SSI)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lstm.weight_ih_l1_reverse": (16, 4)}, "l1_reverse is 16 × 4, but must be 16 × 8 where lstm.weight_hh_l0 is"),
        ({"lstm.weight_ih_l0": (16, 3)}, "lstm.weight_ih_l0 is 16 × 3, but must be 16 × 1"),
        ({"fc1.weight": (3, 8)}, r"fc1.weight is 3 × 8, but must be 3 × 4 where .*, fc1.weight is 3 × 8"),
        ({"fc1.bias": (2,)}, "fc1.bias is 2, but must be 3"),
        ({"lstm.bias_ih_l0_reverse": None}, "has no lstm.bias_ih_l0_reverse"),
        ({"fc1.weight": None}, "not the published FIN: it has no fc1.weight"),
        (
            {"fc2.weight": (1,), "attention.weight": (1,)},
            "also holds attention.weight, fc2.weight, which this network does not have",
        ),
    ],
)
def test_a_network_that_differs_from_the_fin_is_refused(tmp_path, changes, message):
    with pytest.raises(CheckpointError, match=message):
        import_checkpoint(save(changed(random_fin(**SMALL_FIN), changes), tmp_path), tmp_path / "out", SSI)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"conv2.weight": (32, 60, 5, 5)}, "conv2.weight is 32 × 60 × 5 × 5, but must be 32 × 64 × 5 × 5 where conv1"),
        ({"batchnorm1.running_var": (1,)}, "batchnorm1.running_var is 1, but must be 64"),
        ({"prelu1.weight": (64,)}, "prelu1.weight is 64, but must be 1"),
        ({"conv1.weight": (64, 4, 3, 3)}, "kernels are 3 × 3, 5 × 5, 4 × 4; the first two must both be 5 × 5"),
        ({"fc.weight": (1,)}, "also holds fc.weight, which this network does not have"),
    ],
)
def test_a_network_that_differs_from_the_cnn_is_refused(tmp_path, changes, message):
    with pytest.raises(CheckpointError, match=message):
        import_checkpoint(save(changed(random_cnn(), changes), tmp_path), tmp_path / "out", ModelDescription())


def changed(network, changes):
    """Returns the state dict with tensors of other shapes, or without them."""
    weights = dict(network.state_dict())
    for name, shape in changes.items():
        weights.pop(name, None)
        if shape is not None:
            weights[name] = torch.zeros(shape)
    return weights


@pytest.mark.parametrize(
    ("description", "error", "message"),
    [
        ({"dataset": "three_dc"}, CheckpointError, "made for 17 movements, but dataset three_dc has 11"),
        ({"features": "rms,var"}, CheckpointError, "made for 4 features, but --features=rms,var gives 2"),
        ({"features": "rms,var,ssi,entropy"}, ConfigError, "unknown entropy; choose from ent, rms"),
        ({"features": "rms,var,ssi,rms"}, ConfigError, "give each feature once"),
        ({"target": "ssi"}, ConfigError, "holds a CNN: give --features only"),
        ({"mean": "1,2"}, ConfigError, "--mean=1,2: give 4 numbers, for 4 features"),
        ({"std": "1,2,0,1"}, ConfigError, "--std=1,2,0,1: give 4 numbers above 0"),
        ({"std": "one"}, ConfigError, "--std=one: give 4 numbers above 0"),
        ({"limit_sd": -1.0}, ConfigError, "--limit_sd=-1.0: give a number of at least 0"),
        ({"prediction": -1}, ConfigError, "--prediction=-1"),
        ({"window": "0.2ms"}, ConfigError, "0.4 samples"),
        ({"dataset": "ninapro_db9"}, DataError, "unknown dataset 'ninapro_db9'.* in --plugins$"),
    ],
)
def test_descriptions_that_do_not_fit_are_refused(tmp_path, description, error, message):
    with pytest.raises(error, match=message):
        import_checkpoint(save(random_cnn(), tmp_path), tmp_path / "out", ModelDescription(**description))
    assert not (tmp_path / "out").exists()


def test_channels_that_the_dataset_does_not_have_are_refused(tmp_path):
    path = save(random_cnn(channels=10, classes=17), tmp_path)
    with pytest.raises(CheckpointError, match="made for 10 channels, but dataset ninapro_db2 has 12"):
        import_checkpoint(path, tmp_path / "out", ModelDescription())


def test_without_torch_the_error_says_how_to_install_it(tmp_path, monkeypatch):
    path = save(random_fin(**SMALL_FIN), tmp_path)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(FinjaxError, match="pip install torch"):
        read_state_dict(path)


def test_a_torch_that_could_be_made_to_run_code_is_refused(tmp_path, monkeypatch):
    path = save(random_fin(**SMALL_FIN), tmp_path)
    monkeypatch.setattr(torch, "__version__", type(torch.__version__)("2.5.1"))
    with pytest.raises(FinjaxError, match="a file can make torch 2.5.1 run code .* 'torch>=2.6'"):
        read_state_dict(path)


def test_a_tensor_with_too_many_numbers_is_refused(tmp_path):
    path = save({"lstm.weight_ih_l0": torch.ones(1).expand(10**9, 1000)}, tmp_path)
    assert path.stat().st_size < 10_000
    with pytest.raises(CheckpointError, match="more than 67108864 numbers in lstm.weight_ih_l0"):
        read_state_dict(path)


def test_an_archive_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "in.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(3):
            archive.writestr(f"archive/data/{number}", bytes(3000))
    monkeypatch.setattr(torch_weights, "LARGEST", 1000)
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("read"))
    with pytest.raises(CheckpointError, match="would unpack to 9000 bytes"):
        read_state_dict(path)
