"""Time from the start of the process to its first training step, without and with stored compiled programs.

python -m benchmarks.start_up [--repeats=3]
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measure import Table, Timing

CONFIG = "configs/fin_ssi.py:test"


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    table = Table("start_up", f"`--config={CONFIG}` from its start to its first step", ("programs", "time"))
    cold, warm = [], []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            cold.append(first_step(Path(folder), name="cold"))
            warm.append(first_step(Path(folder), name="warm"))
    for name, seconds in (("compiled", cold), ("kept from before", warm)):
        timing = Timing(tuple(seconds))
        table.add(name, timing, programs=name, finjax_s=timing)
    table.write()


def first_step(folder: Path, *, name: str) -> float:
    """Returns the seconds until a training reports its first step, with compiled programs stored in `folder`."""
    command = [
        sys.executable, "main.py", f"--config={CONFIG}", f"--workdir={folder / name}",
        "--config.log.every_steps=1", "--config.log.tensorboard=False",
    ]  # fmt: skip
    environment = {**os.environ, "FINJAX_CACHE_DIR": str(folder / "cache")}
    environment.pop("JAX_COMPILATION_CACHE_DIR", None)  # it would hold programs of earlier runs
    started = time.perf_counter()
    process = subprocess.Popen(
        command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, encoding="utf-8"
    )
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line)
        if re.search(r"step 1/", line):
            seconds = time.perf_counter() - started
            process.communicate()  # wait for its end, so that it stores its compiled programs
            return seconds
    raise RuntimeError(f"no step was reported:\n{''.join(lines)}")


if __name__ == "__main__":
    main()
