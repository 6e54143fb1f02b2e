"""Trains for a while, and measures the memory that the process holds.

python -m soak.memory --minutes=30

Runs `main.py` on the smallest configuration with everything on (logs, TensorBoard, watched scores, checkpoints), stops
it by SIGTERM, and fails if its resident memory grew by more than `--most` MiB after the warm-up.

`--checkpoint_every=50` saves twenty times as often, to show what checkpoints leave in memory.
"""

import argparse
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from soak.report import ROOT, clear, record

STATUS = 75  # exit status of a training that saved and ended at SIGTERM
OPTIONS = (
    "--config.train.max_steps=100000000",
    "--config.train.max_epochs=100000000",
    "--config.train.stop_after_epochs=0",
    "--config.log.every_steps=10",
    "--config.evaluate.every_steps=500",
    "--config.optimiser.schedule=constant",
)
EVERY_S = 2.0
WARM_UP = 0.1  # share of the time


def main() -> None:
    """Trains, samples the memory, and records the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--checkpoint_every", type=int, default=1000, help="steps between checkpoints")
    parser.add_argument("--most", type=float, default=8.0, help="MiB that memory may grow by after the warm-up")
    options = parser.parse_args()
    workdir = clear("memory")
    every = f"--config.checkpoint.every_steps={options.checkpoint_every}"
    process = subprocess.Popen(
        [sys.executable, "main.py", "--config=configs/fin_ssi.py:test", f"--workdir={workdir}", every, *OPTIONS],
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
    )
    samples = _watch(process, seconds=60 * options.minutes)
    process.send_signal(signal.SIGTERM)
    status = process.wait()
    kept = samples[samples[:, 0] >= WARM_UP * 60 * options.minutes]
    mib = kept[:, 1]
    slope = np.polyfit(kept[:, 0], mib, 1)[0] * 3600
    figures = {
        "minutes": options.minutes,
        "steps": _last_step(workdir),
        "checkpoint_every": options.checkpoint_every,
        "samples": len(kept),
        "first_mib": round(mib[: len(mib) // 20 + 1].mean(), 1),
        "last_mib": round(mib[-len(mib) // 20 :].mean(), 1),
        "max_mib": round(mib.max(), 1),
        "slope_mib_per_hour": round(slope, 1),
        "mib_each_minute": [
            round(float(np.interp(60 * m, *samples.T)), 1) for m in range(1, int(samples[-1, 0] / 60) + 1)
        ],
        "exit_status": status,
    }
    record("memory", figures)
    grown = figures["last_mib"] - figures["first_mib"]
    if grown > options.most or status != STATUS:
        sys.exit(f"memory grew by {grown:.1f} MiB; exit status {status}, expected {STATUS}")


def _watch(process: subprocess.Popen, *, seconds: float) -> np.ndarray:
    """Returns seconds since the start and resident MiB, `[n, 2]`."""
    samples, started = [], time.monotonic()
    while (now := time.monotonic() - started) < seconds and process.poll() is None:
        lines = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8").splitlines()
        fields = dict(line.split(":", 1) for line in lines)
        samples.append((now, int(fields["VmRSS"].split()[0]) / 1024))
        time.sleep(EVERY_S)
    return np.array(samples)


def _last_step(workdir: Path) -> int:
    return max(int(path.name) for path in (workdir / "checkpoints").iterdir() if path.name.isdigit())


if __name__ == "__main__":
    main()
