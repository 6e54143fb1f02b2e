"""The published networks with random weights, and their import."""

from pathlib import Path

import numpy as np
import torch

import finjax
from benchmarks.rival import TorchCNN, TorchFIN
from finjax.interop.model_description import ModelDescription
from finjax.interop.torch_import import import_checkpoint

SSI = ModelDescription(target="ssi")
SMALL_FIN = {"hidden": 4, "layers": 2, "shadows": 3}
SMALL_CNN = {"features": 2, "shadows": 3, "filters": (6, 5)}


def random_fin(*, seed: int = 0, **sizes) -> TorchFIN:
    """Returns a FIN with torch's own initial weights."""
    torch.manual_seed(seed)
    return TorchFIN(**sizes).eval()


def random_cnn(*, seed: int = 0, **sizes) -> TorchCNN:
    """Returns a CNN in which nothing is 0 or 1 by default: BatchNorm and slopes are random too."""
    torch.manual_seed(seed)
    network = TorchCNN(**sizes)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if name.endswith("running_var") or "prelu" in name:
                tensor.uniform_(0.2, 2.0)
            elif "batchnorm" in name and tensor.is_floating_point():
                tensor.normal_()
    return network.eval()


def save(content, folder: Path, name: str = "in.pth") -> Path:
    """Saves a network's state dict, or any content, with torch."""
    path = folder / name
    torch.save(content.state_dict() if isinstance(content, torch.nn.Module) else content, path)
    return path


def imported(content, folder: Path, description: ModelDescription):
    """Saves a content, imports it, and returns the loaded model."""
    import_checkpoint(save(content, folder), folder / "out", description)
    return finjax.load(folder / "out")


def torch_output(network: torch.nn.Module, *inputs) -> np.ndarray:
    """Returns what a torch network computes."""
    with torch.no_grad():
        return network(*(torch.from_numpy(np.asarray(x, np.float32)) for x in inputs)).numpy()
