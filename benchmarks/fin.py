"""Training step and inference of a FIN, compared with torch's fused LSTM.

python -m benchmarks.fin [--batches=64,256,1000] [--repeats=5]
"""

import argparse

import torch
from torch import nn

from benchmarks import problems, rival
from benchmarks.measure import Table, alternate
from finjax.devices import parallel

LENGTH = 600


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--batches", default="64,256,1000", help="windows of one channel per step, comma-separated")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    batches = [int(batch) for batch in options.batches.split(",")]
    parallel.use_cpu_devices(0, batch_size=min(batches))
    device = rival.device()
    table = Table(
        "fin",
        f"The paper's FIN, {LENGTH} samples: time of a batch of windows, median (fastest–slowest)",
        ("what", "windows", "finjax", "PyTorch", "finjax, windows/s", "PyTorch, windows/s", "times as fast"),
    )
    for batch in batches:
        inputs, target = torch.randn(batch, LENGTH, device=device), torch.randn(batch, 12, device=device)
        adam = {"lr": 3e-3, "weight_decay": 2e-5}
        paths = {
            "training": (
                problems.fin_training(batch=batch, length=LENGTH),
                rival.training_step(rival.TorchFIN().to(device), nn.functional.mse_loss, inputs, target, **adam),
            ),
            "inference": (
                problems.fin_inference(batch=batch, length=LENGTH),
                rival.inference(rival.TorchFIN().to(device), inputs),
            ),
        }
        for what, (ours, theirs) in paths.items():
            took = alternate({"finjax": ours, "torch": theirs}, repeats=options.repeats)
            a, b = took["finjax"], took["torch"]
            speeds = (f"{batch / timing.median:.0f}" for timing in (a, b))
            table.add(
                what, batch, a, b, *speeds, f"{b.median / a.median:.2f}",
                path=what, windows=batch, finjax_s=a, torch_s=b, ratio=b.median / a.median,
            )  # fmt: skip
    table.write()


if __name__ == "__main__":
    main()
