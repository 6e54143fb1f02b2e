"""How the time of a step grows with windows, samples, time steps and channels, and of indexing with subjects.

python -m benchmarks.growth [--repeats=3]

The last column is the time per unit, divided by the time per unit of the size before: 1 is linear growth.
"""

import argparse
import dataclasses
from collections.abc import Callable
from typing import Any

from benchmarks import problems
from benchmarks.measure import Table, Timing, alternate
from finjax.data.synthetic import Settings, generate
from finjax.data.windows import Framing, index_windows, pack
from finjax.devices import parallel


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    parallel.use_cpu_devices(0, batch_size=32)
    table = Table(
        "growth",
        "Time against size, one quantity at a time",
        ("what", "quantity", "size", "time", "per unit, against the size before"),
    )
    for what, quantity, sizes, make in _cases():
        took = alternate({str(size): make(size) for size in sizes}, repeats=repeats)
        before: tuple[int, Timing] | None = None
        for size, timing in zip(sizes, took.values(), strict=True):
            ratio = (timing.median / size) / (before[1].median / before[0]) if before else None
            growth = f"{ratio:.2f}" if ratio else "–"
            table.add(
                what, quantity, size, timing, growth,
                path=what, quantity=quantity, size=size, finjax_s=timing, per_unit_against_before=ratio,
            )  # fmt: skip
            before = (size, timing)
    table.write()


def _cases() -> list[tuple[str, str, tuple[int, ...], Callable[[int], Callable[[], Any]]]]:
    return [
        ("FIN training", "windows", (64, 128, 256), lambda n: problems.fin_training(batch=n)),
        ("FIN training", "samples", (150, 300, 600), lambda n: problems.fin_training(batch=64, length=n)),
        ("FIN training", "time steps", (60, 120, 600), lambda n: problems.fin_training(batch=64, patch=600 // n)),
        ("FIN inference", "windows", (128, 256, 512), lambda n: problems.fin_inference(batch=n)),
        (
            "joint training, patch 10",
            "channels",
            (6, 12, 24),
            lambda n: problems.joint_training(windows=32, channels=n, patch=10),
        ),
        (
            "joint training, patch 10",
            "windows",
            (32, 64, 128),
            lambda n: problems.joint_training(windows=n, patch=10),
        ),
        ("index of windows", "subjects of DB2's size", (2, 4, 8), _index),
    ]


def _index(subjects: int) -> Callable[[], Any]:
    first = generate(1, Settings(movement_s=5.0, rest_s=3.824))  # 17 × 6 × 8.824 s × 2 kHz: 1.8 million samples
    recordings = [dataclasses.replace(first, subject=n, signal=first.signal.copy()) for n in range(1, subjects + 1)]
    return lambda: index_windows(pack(recordings).segments, Framing(length=600, step=20))


if __name__ == "__main__":
    main()
