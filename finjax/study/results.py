"""Results of a study's runs, in the runs' folders."""

import json
from pathlib import Path

RESULT = "eval/metrics.json"  # written when all numbers are: a run that has it is finished
TIMING = "timing.json"


def finished(workdir: Path, run: str) -> bool:
    """Whether a run has its result."""
    return (workdir / run / RESULT).exists()


def read_result(workdir: Path, run: str) -> dict | None:
    """Returns the result of a run, or None where it is not finished."""
    return json.loads((workdir / run / RESULT).read_text(encoding="utf-8")) if finished(workdir, run) else None


def read_seconds(workdir: Path, run: str) -> float:
    """Returns how long a finished run took; 0 where that is not known."""
    path = workdir / run / TIMING
    return json.loads(path.read_text(encoding="utf-8"))["seconds"] if path.exists() else 0.0
