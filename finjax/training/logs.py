"""The records of a run: metrics as lines of JSON, TensorBoard, and `config.json`, which says how it was run."""

import datetime
import functools
import importlib.metadata
import json
import logging
import math
import platform
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax

from finjax.system import processes
from finjax.system.files import without_nan, write_json, write_text
from finjax.version import __version__

logger = logging.getLogger(__name__)

PACKAGES = ("jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy", "scipy", "ml-collections")


def describe_run(config: Mapping[str, Any]) -> dict:
    """Returns what is needed to repeat a run: configuration, command, versions, device, revision, date."""
    device = jax.local_devices()[0]
    return {
        "config": dict(config),
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "versions": {
            "finjax": __version__,
            "python": platform.python_version(),
            **{package: importlib.metadata.version(package) for package in PACKAGES},
        },
        "device": {
            "kind": device.device_kind,
            "platform": device.platform,
            "count": jax.device_count(),
            "processes": processes.count(),
        },
        "git_revision": _git_revision(),
    }


def record_run(path: Path, config: Mapping[str, Any], *, resumed: bool) -> None:
    """Writes `config.json`: how the run was started, and how it was resumed each time."""
    described = describe_run(config)
    if resumed and path.exists():
        try:
            first = json.loads(path.read_text(encoding="utf-8"))
            described = {**first, "resumed": [*first.get("resumed", []), described]}
        except (ValueError, TypeError, AttributeError):
            logger.warning("%s is damaged: finjax writes it again, without the record of the start of the run", path)
    write_json(path, described)


@functools.cache  # wait only once in a process for a git that does not answer
def _git_revision() -> str | None:
    """Returns the revision of the checkout that finjax runs from, or None if it does not run from one."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return None
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", errors="replace", timeout=10
        )
        return done.stdout.strip() or None
    except (OSError, subprocess.SubprocessError):
        return None


class MetricLog:
    """Appends metrics to `metrics.jsonl` and TensorBoard; a context manager. Only the first process writes.

    Args:
        workdir: directory of the run.
        resume_step: step that training resumes from; metrics of later steps, of an interrupted run, are removed.
        tensorboard: whether to write TensorBoard's event files too.
    """

    def __init__(self, workdir: Path, *, resume_step: int, tensorboard: bool):
        self._file = self._tensorboard = None
        if not processes.is_first():
            return
        path = workdir / "metrics.jsonl"
        if path.exists():
            kept = [line for line in _lines(path) if _step(line) <= resume_step]
            write_text(path, "".join(f"{line}\n" for line in kept))
        workdir.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a", buffering=1, encoding="utf-8", newline="\n")
        if tensorboard:
            self._tensorboard = _EventFile(workdir / "tensorboard", purge_step=resume_step + 1)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self._file:
            self._file.close()
        if self._tensorboard:
            self._tensorboard.close()

    def write(self, step: int, **metrics: float) -> None:
        """Writes the metrics of a step."""
        if self._file:
            self._file.write(json.dumps(without_nan({"step": step, **metrics})) + "\n")
        if self._tensorboard:
            self._tensorboard.write(step, metrics)


class _EventFile:
    """A file of TensorBoard events, written without a background thread, which could not report a full disk."""

    def __init__(self, folder: Path, *, purge_step: int):
        from tensorboardX.event_file_writer import EventsWriter
        from tensorboardX.proto import event_pb2

        folder.mkdir(parents=True, exist_ok=True)
        messages: Any = event_pb2  # creates its classes on import, so type checkers do not know them
        self._event, self._log = messages.Event, messages.SessionLog
        self._writer = EventsWriter(str(folder / "events"))
        self._add(step=purge_step, session_log=self._log(status=self._log.START))

    def write(self, step: int, metrics: dict[str, float]) -> None:
        from tensorboardX.summary import scalar

        for name, value in metrics.items():
            self._add(step=step, summary=scalar(name, value))
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()

    def _add(self, **content) -> None:
        self._writer.write_event(self._event(wall_time=time.time(), **content))


def read_metrics(workdir: Path) -> list[dict]:
    """Returns the entries of a run's `metrics.jsonl`, without damaged lines; none if there is no such file."""
    path = workdir / "metrics.jsonl"
    return [json.loads(line) for line in _lines(path) if math.isfinite(_step(line))] if path.exists() else []


def _lines(path: Path) -> list[str]:
    """Returns the lines of a text file, even if a crash of the machine left invalid bytes in it."""
    return path.read_text(encoding="utf-8", errors="replace").split("\n")


def _step(line: str) -> float:
    """Returns the step of a line, or infinity if the line is damaged: a killed process may leave part of a line."""
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return math.inf
