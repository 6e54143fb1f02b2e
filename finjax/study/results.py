"""The results of a study's runs, read from the folders of the runs."""

import json
from pathlib import Path

RESULT = "eval/metrics.json"  # a run writes this file last: if it exists, the run is finished
TIMING = "timing.json"


def finished(workdir: Path, run: str) -> bool:
    """Whether a run is finished."""
    return (workdir / run / RESULT).exists()


def read_result(workdir: Path, run: str) -> dict | None:
    """Returns the result of a run, or None if it is not finished."""
    return json.loads((workdir / run / RESULT).read_text(encoding="utf-8")) if finished(workdir, run) else None


def read_seconds(workdir: Path, run: str) -> float:
    """Returns how long a finished run took, in seconds; 0 if that is not recorded."""
    path = workdir / run / TIMING
    return json.loads(path.read_text(encoding="utf-8"))["seconds"] if path.exists() else 0.0
