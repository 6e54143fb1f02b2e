"""Runs every benchmark that fits the machine, each in a process of its own.

python -m benchmarks

Tables are printed and written to `runs/bench/` as Markdown and, with every single time, as JSON.
"""

import subprocess
import sys

import jax

from finjax.devices.require import require_devices

ON_CPU = {
    "fin": (),
    "fine_tune": (),
    "windows": (),
    "start_up": (),
    "decisions": (),
    "growth": (),
}
# Elsewhere steps take milliseconds, and the sizes of the paper fit.
ELSEWHERE = {
    **ON_CPU,
    "fin": ("--batches=64,256,1000,4000", "--repeats=10"),
    "fine_tune": ("--windows=250", "--large=0", "--repeats=5"),
    "decisions": ("--windows=1000", "--repeats=5"),
}


def main() -> None:
    """Runs them one after another; exits with 1 if one failed."""
    require_devices()
    benchmarks = ON_CPU if jax.default_backend() == "cpu" else ELSEWHERE
    failed = [
        name
        for name, options in benchmarks.items()
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *options]).returncode
    ]
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
