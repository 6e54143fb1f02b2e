"""Time of commands that answer at once: the help, and what a dataset holds whose recordings are in the cache.

python -m benchmarks.commands [--repeats=5]

The datasets are a synthetic one in the files of Ninapro DB2, and the real ones that FINJAX_3DC_DIR and FINJAX_DB1_DIR
name.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks.measure import Table, alternate

REAL = {"three_dc": "FINJAX_3DC_DIR", "ninapro_db1": "FINJAX_DB1_DIR"}


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    table = Table("commands", "Commands, from their start to their end", ("command", "data", "time"))
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "FINJAX_CACHE_DIR": str(Path(folder, "cache"))}
        written = Path(folder, "synthetic")
        _finjax("data", "write", f"--dir={written}", "--subjects=1-2", environment=environment)
        commands: dict[tuple[str, str], tuple[str, ...]] = {("--help", ""): ("--help",)}
        for name, data, place in (("ninapro_db2", "synthetic", written), *_real()):
            commands["data inspect", data] = ("data", "inspect", f"--name={name}", f"--dir={place}")
        for (command, data), arguments in commands.items():
            rivals = {"finjax": lambda arguments=arguments: _finjax(*arguments, environment=environment)}
            took = alternate(rivals, repeats=repeats)["finjax"]  # the first time, which fills the cache, does not count
            table.add(f"finjax {command}", data, took, command=command, data=data, finjax_s=took)
    table.write()


def _real() -> list[tuple[str, str, str]]:
    return [(name, name, os.environ[variable]) for name, variable in REAL.items() if os.environ.get(variable)]


def _finjax(*arguments: str, environment: Mapping[str, str]) -> None:
    command = [sys.executable, "-m", "finjax", *arguments]
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)


if __name__ == "__main__":
    main()
