"""Measures times and memory, and writes tables of them."""

import dataclasses
import datetime
import importlib.metadata
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from finjax.system.files import write_json

RESULTS = Path("runs/bench")
CPU_FACTS = Path("/proc/cpuinfo")  # on Linux only
PACKAGES = ("jax", "jaxlib", "flax", "optax", "numpy", "scipy", "pandas", "torch")


@dataclasses.dataclass(frozen=True)
class Timing:
    """The times of repeated measurements, in seconds."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The median."""
        return statistics.median(self.seconds)

    def __str__(self) -> str:
        """Returns the median with the fastest and the slowest time."""
        low, high = min(self.seconds), max(self.seconds)
        unit, scale = ("s", 1) if self.median >= 1 else ("ms", 1e3)
        text = f"{self.median * scale:.3g} {unit}"
        return text if len(self.seconds) == 1 else f"{text} ({low * scale:.3g}–{high * scale:.3g})"


def alternate(rivals: Mapping[str, Callable[[], Any]], *, repeats: int, warm_up: int = 1) -> dict[str, Timing]:
    """Times functions in turn, so that other work on the machine affects all of them.

    Args:
        rivals: the functions by name; each returns when its work is done.
        repeats: how often each is timed.
        warm_up: how often each is called before that, not timed.
    """
    seconds: dict[str, list[float]] = {name: [] for name in rivals}
    for turn in range(-warm_up, repeats):
        for name, work in rivals.items():
            started = time.perf_counter()
            work()
            if turn >= 0:
                seconds[name].append(time.perf_counter() - started)
    return {name: Timing(tuple(taken)) for name, taken in seconds.items()}


def peak_gib() -> float:
    """Returns the peak memory of this process so far, in GiB (Linux)."""
    return _status("VmHWM")  # ru_maxrss would start at the memory of the parent process


def resident_gib() -> float:
    """Returns the current memory of this process, in GiB (Linux)."""
    return _status("VmRSS")


def _status(field: str) -> float:
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024**2


def in_child(module: str, *arguments: str) -> dict:
    """Runs `python -m module arguments`; returns the JSON object in the last line of its output."""
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, capture_output=True, encoding="utf-8")
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def cores() -> int:
    """Returns how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def provenance() -> dict:
    """Returns what a result depends on: date, command, device and versions."""
    import jax

    devices = jax.local_devices()
    return {
        "date": datetime.date.today().isoformat(),
        "command": ["python", "-m", f"benchmarks.{Path(sys.argv[0]).stem}", *sys.argv[1:]],
        "device": f"{len(devices)} × {devices[0].device_kind}, {cores()} cores of {_processor()}, {instruction_set()}",
        "versions": {"python": platform.python_version(), **_versions()},
    }


def instruction_set() -> str:
    """Returns the widest vector instructions that XLA uses on the CPU."""
    limits = re.findall(r"--xla_cpu_max_isa=(\w+)", os.environ.get("XLA_FLAGS", ""))
    if limits:
        return f"{limits[-1]} (limited by --xla_cpu_max_isa)"  # XLA takes the last one
    flags = _cpu_fact("flags", "Features").split()
    known = {"avx512f": "AVX-512", "avx2": "AVX2", "avx": "AVX", "sve": "SVE", "asimd": "NEON"}
    return next((name for flag, name in known.items() if flag in flags), platform.machine())


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    return _cpu_fact("model name") or platform.processor() or platform.machine()


def _cpu_fact(*names: str) -> str:
    """Returns the first of these facts that Linux knows about the CPU, or an empty text."""
    try:
        lines = CPU_FACTS.read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.split(":", 1)[1].strip() for line in lines if line.partition("\t")[0].strip() in names), "")


class Table:
    """A table of a benchmark: rows are printed when they are added, then written as JSON and Markdown.

    Args:
        name: name of the files.
        title: what was measured.
        columns: headings.
    """

    def __init__(self, name: str, title: str, columns: Sequence[str]):
        self._name, self._title, self._columns = name, title, list(columns)
        self._rows: list[list[str]] = []
        self._figures: list[dict] = []
        print(f"\n{title}\n{_line(self._columns)}\n{_line(['---'] * len(self._columns))}", flush=True)

    def add(self, *cells: Any, **figures: Any) -> None:
        """Adds a row: `cells` for the table, `figures` for the JSON file."""
        self._rows.append([str(cell) for cell in cells])
        self._figures.append(
            {key: list(value.seconds) if isinstance(value, Timing) else value for key, value in figures.items()}
        )
        print(_line(self._rows[-1]), flush=True)

    def write(self) -> None:
        """Writes `NAME.json` and `NAME.md` to `RESULTS`."""
        about = provenance()
        write_json(RESULTS / f"{self._name}.json", {"title": self._title, **about, "rows": self._figures})
        lines = [self._columns, ["---"] * len(self._columns), *self._rows]
        where = f"{about['date']}, {about['device']}, `{' '.join(about['command'])}`"
        print(where, flush=True)
        text = "\n".join([f"**{self._title}** ({where})", "", *map(_line, lines), ""])
        (RESULTS / f"{self._name}.md").write_text(text, encoding="utf-8", newline="\n")


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
