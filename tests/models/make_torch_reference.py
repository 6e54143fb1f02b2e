"""Makes `torch_reference.npz`: what PyTorch computes for the network and weights of `test_fin.py`.

Run once, with PyTorch installed: python tests/models/make_torch_reference.py
The weights come from NumPy's seeded generator, so that only outputs and gradients need storing.
"""

from pathlib import Path

import numpy as np
import torch
from reference_network import HIDDEN, LAYERS, SHADOWS, torch_weights, windows

PATH = Path(__file__).with_name("torch_reference.npz")


class Network(torch.nn.Module):
    """The published FIN's live part: the head reads the last layer's backward direction."""

    def __init__(self):
        super().__init__()
        self.lstm = torch.nn.LSTM(1, HIDDEN, LAYERS, bidirectional=True, batch_first=True)
        self.head = torch.nn.Linear(HIDDEN, SHADOWS)

    def forward(self, x):
        """Maps `[B, T, 1]` to `[B, S]`."""
        _, (hidden, _) = self.lstm(x)
        return self.head(hidden[-1])


def main() -> None:
    """Computes and stores outputs and the gradient of the outputs' mean square."""
    network = Network().double()
    network.load_state_dict({name: torch.from_numpy(w) for name, w in torch_weights().items()})
    output = network(torch.from_numpy(windows())[..., None])
    output.square().mean().backward()
    gradients = {
        f"gradient.{name}": parameter.grad.numpy().astype(np.float32)
        for name, parameter in network.named_parameters()
        if not name.endswith("_l2")  # the last layer's forward direction feeds nothing: its gradient is 0
    }
    np.savez_compressed(PATH, output=output.detach().numpy(), torch=torch.__version__, **gradients)
    print(f"wrote {PATH}, {PATH.stat().st_size} bytes, torch {torch.__version__}")


if __name__ == "__main__":
    main()
