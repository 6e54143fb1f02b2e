"""Zero-shot evaluation of a subject's windows, and the latency of a single decision.

python -m benchmarks.decisions [--windows=200] [--repeats=3]
"""

import argparse

import torch

from benchmarks import problems, rival
from benchmarks.measure import Table, alternate
from finjax.devices import parallel

CHANNELS, LENGTH = 12, 600


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--windows", type=int, default=200, help="windows of all channels in the evaluation")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    parallel.use_cpu_devices(0, batch_size=options.windows)
    device = rival.device()
    table = Table(
        "decisions",
        f"Decisions of FIN+CNN, {CHANNELS * len(problems.FEATURES)} LSTM networks × {LENGTH} samples",
        ("what", "samples per time step", "windows", "finjax", "PyTorch", "times as fast"),
    )
    cases = [("evaluation", options.windows, options.repeats), ("one decision", 1, 10 * options.repeats)]
    for patch in (1, 10):
        network = rival.TorchFINCNN(patch_size=patch).to(device)
        for what, windows, repeats in cases:
            rivals = {
                "finjax": problems.joint_inference(windows=windows, patch=patch),
                "torch": rival.inference(network, torch.randn(windows, CHANNELS, LENGTH, device=device)),
            }
            took = alternate(rivals, repeats=repeats)
            a, b = took["finjax"], took["torch"]
            table.add(
                what, patch, windows, a, b, f"{b.median / a.median:.2f}",
                path=what, patch=patch, windows=windows, finjax_s=a, torch_s=b, ratio=b.median / a.median,
            )  # fmt: skip
    table.write()


if __name__ == "__main__":
    main()
