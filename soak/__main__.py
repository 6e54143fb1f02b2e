"""Runs every soak, each in a process of its own.

python -m soak

Figures are printed and written to `runs/soak/`.
"""

import subprocess
import sys
from pathlib import Path

NO_SOAKS = ("__init__", "__main__", "report")


def main() -> None:
    """Runs the soaks one after another; exits with 1 if one failed."""
    names = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if path.stem not in NO_SOAKS)
    failed = [name for name in names if subprocess.run([sys.executable, "-m", f"soak.{name}"]).returncode]
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
