"""A joint training step of 48 FINs and the CNN in finjax and in PyTorch: time, and peak memory.

python -m benchmarks.fine_tune [--windows=25] [--large=250] [--repeats=5]

The times are measured in turn, the memory in separate processes. Only finjax does the large step: PyTorch's memory
grows with the windows. finjax's peak is measured twice: in a first run, which compiles the step, and in a second run,
which loads the compiled step.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import Table, Timing, alternate, in_child, peak_gib

CHANNELS, FEATURES, LENGTH, CLASSES = 12, 4, 600, 17


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--windows", type=int, default=25, help="windows of all channels per step")
    parser.add_argument("--large", type=int, default=250, help="windows in the large step of finjax; 0: no such step")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--child", choices=("finjax", "torch"), help=argparse.SUPPRESS)
    parser.add_argument("--programs", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(_one_step(options.child, options.windows, Path(options.programs))))
        return
    with tempfile.TemporaryDirectory() as programs:
        _measure(options, programs)


def _measure(options: argparse.Namespace, programs: str) -> None:
    table = Table(
        "fine_tune",
        f"Joint step, {CHANNELS * FEATURES} LSTM networks × {LENGTH} samples",
        (
            "windows",
            "finjax",
            "PyTorch",
            "times as fast",
            "finjax, peak GiB",
            "the same, compiling",
            "PyTorch, peak GiB",
            "share of memory",
        ),
    )
    took = alternate({name: step(options.windows) for name, step in STEPS.items()}, repeats=options.repeats)
    a, b = took["finjax"], took["torch"]
    memory = {"compiling": _alone("finjax", options.windows, programs)["peak_gib"]}
    memory |= {name: _alone(name, options.windows, programs)["peak_gib"] for name in STEPS}
    share = memory["finjax"] / memory["torch"]
    table.add(
        options.windows, a, b, f"{b.median / a.median:.2f}",
        *(f"{memory[name]:.2f}" for name in ("finjax", "compiling", "torch")), f"1/{1 / share:.1f}",
        windows=options.windows, finjax_s=a, torch_s=b, ratio=b.median / a.median, peak_gib=memory,
    )  # fmt: skip
    if options.large:
        compiling, alone = (_alone("finjax", options.large, programs) for _ in range(2))
        timing = Timing((alone["seconds"],))
        memory = {"finjax": alone["peak_gib"], "compiling": compiling["peak_gib"]}
        table.add(
            options.large, timing, "–", "–", *(f"{gib:.2f}" for gib in memory.values()), "–", "–",
            windows=options.large, finjax_s=timing, peak_gib=memory,
        )  # fmt: skip
    table.write()


def _alone(name: str, windows: int, programs: str) -> dict:
    return in_child("benchmarks.fine_tune", f"--child={name}", f"--windows={windows}", f"--programs={programs}")


def _one_step(name: str, windows: int, programs: Path) -> dict:
    """Does a step to warm up and a timed step; returns the time and the peak memory of this process."""
    if name == "finjax":
        from finjax.devices import parallel

        parallel.keep_programs(programs)
    step = STEPS[name](windows)
    step()
    started = time.perf_counter()
    step()
    return {"seconds": time.perf_counter() - started, "peak_gib": PEAKS[name]()}


# Each function imports its own libraries, so that the memory of one process holds only one of them.


def _finjax_step(windows: int) -> Callable[[], None]:
    from benchmarks import problems
    from finjax.devices import parallel

    parallel.use_cpu_devices(0, batch_size=windows)
    return problems.joint_training(windows=windows)


def _torch_step(windows: int) -> Callable[[], None]:
    import torch

    from benchmarks import rival

    device = rival.device()
    network = rival.TorchFINCNN(features=FEATURES, channels=CHANNELS, classes=CLASSES).to(device)
    inputs = torch.randn(windows, CHANNELS, LENGTH, device=device)
    target = torch.randint(0, CLASSES, (windows,), device=device)
    return rival.training_step(network, torch.nn.functional.cross_entropy, inputs, target, lr=1e-3, weight_decay=2e-5)


def _finjax_peak_gib() -> float:
    """Returns the peak memory of the accelerator, or of the process on a CPU."""
    import jax

    if jax.default_backend() == "cpu":
        return peak_gib()
    return jax.local_devices()[0].memory_stats()["peak_bytes_in_use"] / 1024**3


def _torch_peak_gib() -> float:
    import torch

    return torch.cuda.max_memory_allocated() / 1024**3 if torch.cuda.is_available() else peak_gib()


STEPS = {"finjax": _finjax_step, "torch": _torch_step}
PEAKS = {"finjax": _finjax_peak_gib, "torch": _torch_peak_gib}

if __name__ == "__main__":
    main()
