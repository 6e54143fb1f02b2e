"""The published networks, written with torch's own modules, and what is around them in the tests."""

import torch
from torch import nn


class TorchFIN(nn.Module):
    """The head `fc1` reads the last layer's backward direction; `fc` is in the state dict and nowhere else."""

    def __init__(self, *, hidden: int = 32, layers: int = 3, shadows: int = 12):
        super().__init__()
        self.lstm = nn.LSTM(1, hidden, layers, bidirectional=True, batch_first=True)
        self.fc = nn.Linear(hidden, shadows)
        self.fc1 = nn.Linear(hidden, shadows)

    def forward(self, x):
        """Maps `[B, T, 1]` to `[B, S]`."""
        _, (hidden, _) = self.lstm(x)
        return self.fc1(hidden[-1])


class TorchCNN(nn.Module):
    """Three convolutions over channels × shadows, each with BatchNorm and PReLU."""

    def __init__(self, *, features=4, channels=12, shadows=12, classes=17, filters=(64, 32), kernel=5):
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

    def forward(self, x):
        """Maps `[B, F, C, S]` to logits `[B, K]`."""
        x = self.dropout(self.prelu1(self.batchnorm1(self.conv1(x))))
        x = self.prelu2(self.batchnorm2(self.conv2(x)))
        return self.prelu3(self.batchnorm3(self.conv3(x))).flatten(start_dim=1)


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
