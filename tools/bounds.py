"""Runs the tests with the lowest and with the newest versions that finjax's bounds allow.

    python -m tools.bounds [--only=lowest|newest] [pytest options …]

Each runs in a fresh environment, which uv makes. "Lowest" are the lowest versions of what finjax itself names
(requirements.txt and the extra `dev`); what these depend on is the newest that fits. Exit status 1 if either failed.
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
    parser = argparse.ArgumentParser(prog="python -m tools.bounds", description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=RESOLUTIONS, help="one of the two")
    parser.add_argument("--python", default=f"{sys.version_info.major}.{sys.version_info.minor}", help="its version")
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
    """Makes an environment with versions of that resolution, runs the tests there, and tells whether they passed."""
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
