"""Runs the tests with the lowest and with the newest package versions that finjax allows.

    python -m tools.bounds [--only=lowest|newest] [pytest options …]

Each test run has a fresh environment, made by uv. "lowest" takes the lowest versions of the packages that finjax
itself requires (requirements.txt and the extra `dev`), and the newest versions that fit of the packages that those
require. Exit status 1 if either test run fails.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
RESOLUTIONS = {"lowest": "lowest-direct", "newest": "highest"}
SHOWN = ("flax", "h5py", "hypothesis", "jax", "numpy", "optax", "orbax-checkpoint", "pytest", "scikit-learn", "scipy")


def main(arguments: list[str] | None = None) -> int:
    """Runs the tests in both environments; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.bounds", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", choices=RESOLUTIONS, help="run only one of the two")
    parser.add_argument("--python", default=f"{sys.version_info.major}.{sys.version_info.minor}", help="Python version")
    options, tests = parser.parse_known_args(arguments)
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if not uv:
        print("error: uv is not installed: pip install -e '.[maintain]'", file=sys.stderr)
        return 2
    chosen = [options.only] if options.only else list(RESOLUTIONS)
    failed = [name for name in chosen if not passes(uv, RESOLUTIONS[name], python=options.python, tests=tests)]
    print(f"failed: {', '.join(failed)}" if failed else f"passed with {' and '.join(chosen)} versions")
    return int(bool(failed))


def passes(uv: str, resolution: str, *, python: str, tests: list[str]) -> bool:
    """Makes an environment for a resolution of uv, runs the tests in it, and returns whether they passed."""
    with tempfile.TemporaryDirectory(prefix="finjax_bounds_") as folder:
        interpreter = str(Path(folder) / "bin" / "python")
        subprocess.run([uv, "venv", "--quiet", "--python", python, folder], check=True)
        install = [uv, "pip", "install", "--quiet", "--python", interpreter, "--resolution", resolution]
        subprocess.run([*install, "--editable", f"{ROOT}[dev]"], check=True)
        frozen = subprocess.run(
            [uv, "pip", "freeze", "--python", interpreter], check=True, capture_output=True, encoding="utf-8"
        )
        print(f"{resolution}:", ", ".join(line for line in frozen.stdout.splitlines() if line.split("==")[0] in SHOWN))
        return subprocess.run([interpreter, "-m", "pytest", *tests], cwd=ROOT).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
