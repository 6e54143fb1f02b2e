"""The published design in PyTorch, with torch's own modules: a loop over 48 `nn.LSTM`, one for each FIN."""

import os
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from benchmarks.measure import cores

# Set this environment variable to time PyTorch with its default, which computes with subnormal numbers.
KEEP_SUBNORMAL = bool(os.environ.get("BENCH_KEEP_SUBNORMAL"))


class TorchFIN(nn.Module):
    """A FIN. Its head `fc1` reads the last layer's backward direction; `fc` is not used, as in the published code."""

    def __init__(self, *, hidden: int = 32, layers: int = 3, shadows: int = 12, patch_size: int = 1):
        super().__init__()
        self.patch_size = patch_size
        self.lstm = nn.LSTM(patch_size, hidden, layers, bidirectional=True, batch_first=True)
        self.fc = nn.Linear(hidden, shadows)
        self.fc1 = nn.Linear(hidden, shadows)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Maps `[B, T]` to `[B, S]`."""
        _, (hidden, _) = self.lstm(x.reshape(len(x), -1, self.patch_size))
        return self.fc1(hidden[-1])


class TorchCNN(nn.Module):
    """Three convolutions over channels × shadows, each with BatchNorm and PReLU."""

    def __init__(
        self,
        *,
        features: int = 4,
        channels: int = 12,
        shadows: int = 12,
        classes: int = 17,
        filters: tuple[int, int] = (64, 32),
        kernel: int = 5,
    ):
        super().__init__()
        rows, columns, sizes = channels, shadows, []
        for size in (kernel, kernel, max(channels, shadows)):
            sizes.append((min(size, rows), min(size, columns)))
            rows, columns = rows - sizes[-1][0] + 1, columns - sizes[-1][1] + 1
        assert (rows, columns) == (1, 1)
        self.conv1 = nn.Conv2d(features, filters[0], sizes[0])
        self.conv2 = nn.Conv2d(filters[0], filters[1], sizes[1])
        self.conv3 = nn.Conv2d(filters[1], classes, sizes[2])
        self.batchnorm1, self.batchnorm2, self.batchnorm3 = map(nn.BatchNorm2d, (*filters, classes))
        self.prelu1, self.prelu2, self.prelu3 = nn.PReLU(), nn.PReLU(), nn.PReLU()
        self.dropout = nn.Dropout(0.3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Maps `[B, F, C, S]` to logits `[B, K]`."""
        x = self.dropout(self.prelu1(self.batchnorm1(self.conv1(x))))
        x = self.prelu2(self.batchnorm2(self.conv2(x)))
        return self.prelu3(self.batchnorm3(self.conv3(x))).flatten(start_dim=1)


class TorchFINCNN(nn.Module):
    """A FIN for each feature and channel, and a CNN on their outputs."""

    def __init__(self, *, features: int = 4, channels: int = 12, patch_size: int = 1, **cnn: Any):
        super().__init__()
        self.features = features
        self.fins = nn.ModuleList(TorchFIN(patch_size=patch_size) for _ in range(features * channels))
        self.cnn = TorchCNN(features=features, channels=channels, **cnn)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Maps windows `[B, C, T]` to logits `[B, K]`."""
        channels = x.shape[1]
        outputs = [fin(x[:, number % channels]) for number, fin in enumerate(self.fins)]  # F × C of [B, S]
        return self.cnn(torch.stack(outputs, dim=1).unflatten(1, (self.features, channels)))


def device() -> torch.device:
    """Returns the GPU if torch sees one, else the CPU with all of its cores.

    PyTorch, like XLA, treats the smallest (subnormal) numbers as zero here. That is not its default: the gradients of
    600 time steps hold many of them, and some CPUs need several times as long for each.
    """
    torch.set_num_threads(cores())
    torch.set_flush_denormal(not KEEP_SUBNORMAL)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def wait() -> None:
    """Waits until the GPU has finished."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def training_step(
    network: nn.Module,
    loss: Callable,
    inputs: torch.Tensor,
    target: torch.Tensor,
    *,
    lr: float,
    weight_decay: float,
) -> Callable[[], None]:
    """Returns a function that does one step of Adam on a batch."""
    optimiser = torch.optim.Adam(network.parameters(), lr=lr, weight_decay=weight_decay)

    def step() -> None:
        optimiser.zero_grad()
        loss(network(inputs), target).backward()
        optimiser.step()
        wait()

    return step


def inference(network: nn.Module, inputs: torch.Tensor) -> Callable[[], None]:
    """Returns a function that runs a network on a batch, in evaluation mode."""
    network.eval()

    def run() -> None:
        with torch.inference_mode():
            network(inputs)
        wait()

    return run
