"""The published networks with random weights."""

import torch

from benchmarks.rival import TorchCNN, TorchFIN


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
