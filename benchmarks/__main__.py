"""Runs all benchmarks, each in its own process, with sizes that fit the machine.

python -m benchmarks

The tables are printed, and written to `runs/bench/` as Markdown and as JSON; the JSON has all times.
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
    "commands": (),
    "new_person": (),
    "decisions": (),
    "growth": (),
}
# On a GPU or TPU steps take milliseconds, and the sizes of the paper fit.
ELSEWHERE = {
    **ON_CPU,
    "fin": ("--batches=64,256,1000,4000", "--repeats=10"),
    "fine_tune": ("--windows=250", "--large=0", "--repeats=5"),
    "decisions": ("--windows=1000", "--repeats=5"),
}


def main() -> None:
    """Runs the benchmarks one after another; exits with 1 if one fails."""
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
