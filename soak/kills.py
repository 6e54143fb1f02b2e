"""Kills a training at random moments, resumes it until it is done, and compares its parameters.

python -m soak.kills --kills=50 --seed=0

Moments are uniform over the duration of the undisturbed program: start, training, evaluation. Fails unless
every resumed training ends with exactly the parameters of the undisturbed one.
"""

import argparse
import collections
import json
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np

from finjax.errors import FinjaxError
from finjax.inference.restored import load
from soak.report import ROOT, clear, record

OPTIONS = (
    "--config=configs/fin_ssi.py:test",
    "--config.checkpoint.every_steps=3",
    "--config.log.every_steps=1",
    "--config.evaluate.max_windows=5",
)
TRIES = 10  # most starts for each kill: a training may end before it is killed


class Differs(Exception):
    """A resumed training did not end as the undisturbed one."""


def main() -> None:
    """Kills, resumes, and records the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--steps", type=int, default=240)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    record("kills", run(clear("kills"), kills=options.kills, steps=options.steps, seed=options.seed))


def run(folder: Path, *, kills: int, steps: int, seed: int) -> dict:
    """Kills and resumes trainings; returns the figures.

    Args:
        folder: an empty folder.
        kills: number of kills.
        steps: steps of a training, with a checkpoint every third.
        seed: seed of the moments.

    Raises:
        Differs: parameters differ, a training could not be resumed, or a checkpoint was lost.
    """
    whole_s = _train_undisturbed(folder / "whole", steps)
    random, counts = np.random.default_rng(seed), collections.Counter()
    for turn in range(TRIES * kills):
        last = counts["kills"] == kills
        moment = None if last else random.uniform(0, whole_s)
        workdir = folder / f"killed_{counts['trainings_finished']}"
        if _ended_before(workdir, moment, steps, counts):
            _compare(folder / "whole", workdir)
            counts["trainings_finished"] += 1
            if last:
                return {"seed": seed, "steps": steps, "whole_run_s": round(whole_s, 1), "starts": turn + 1, **counts}
    raise Differs(f"after {TRIES * kills} starts only {counts['kills']} kills")


def _train_undisturbed(workdir: Path, steps: int) -> float:
    """Trains undisturbed; returns the duration of the program in seconds."""
    started = time.monotonic()
    if status := _start(workdir, steps).wait():
        raise Differs(f"the undisturbed training ended with {status}")
    return time.monotonic() - started


def _ended_before(workdir: Path, moment: float | None, steps: int, counts: collections.Counter) -> bool:
    """Starts or resumes a training, and kills it at a moment; returns whether it ended before."""
    before = _steps_saved(workdir)
    process = _start(workdir, steps)
    try:
        status = process.wait(timeout=moment)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        _count(workdir, before, counts)
        return False
    if status:
        raise Differs(f"{workdir} could not be resumed: exit status {status}")
    return True


def _start(workdir: Path, steps: int) -> subprocess.Popen:
    workdir.parent.mkdir(parents=True, exist_ok=True)
    with workdir.with_suffix(".log").open("a", encoding="utf-8") as log:
        return subprocess.Popen(
            [sys.executable, "main.py", *OPTIONS, f"--config.train.max_steps={steps}", f"--workdir={workdir}"],
            cwd=ROOT,
            stdout=log,
            stderr=log,
        )


def _count(workdir: Path, before: int, counts: collections.Counter) -> None:
    """Counts a kill, and checks that the last checkpoint is still there."""
    saved, logged = _steps_saved(workdir), _last_step_logged(workdir)
    if saved < before:
        raise Differs(f"{workdir}: checkpoints of step {before} before, {saved} after the kill")
    counts["kills"] += 1
    counts["kills_before_progress"] += saved == before
    counts["kills_amid_writing"] += any(workdir.glob("checkpoints/*tmp*"))
    counts["most_steps_lost"] = max(counts["most_steps_lost"], logged - saved)


def _steps_saved(workdir: Path) -> int:
    return max((int(path.name) for path in workdir.glob("checkpoints/*") if path.name.isdigit()), default=0)


def _last_step_logged(workdir: Path) -> int:
    path = workdir / "metrics.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    steps = [0]
    for line in lines:
        try:
            steps.append(json.loads(line)["step"])
        except ValueError:  # cut off by the kill
            continue
    return max(steps)


def _compare(one: Path, other: Path) -> None:
    expected, found = load(one), load(other)
    if expected.step != found.step:
        raise Differs(f"{other} ended at step {found.step}, not {expected.step}")
    for a, b in zip(jax.tree.leaves(expected.params), jax.tree.leaves(found.params), strict=True):
        if not np.array_equal(a, b):
            raise Differs(f"{other}: parameters differ by up to {np.abs(a - b).max()}")


if __name__ == "__main__":
    try:
        main()
    except (Differs, FinjaxError) as error:
        sys.exit(f"failed: {error}")
