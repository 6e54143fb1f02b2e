"""Reads thousands of damaged input files, and counts the results.

    python -m soak.mutations [--files=2000] [--run=FOLDER] [--only=KIND:SEED]

Every file must be refused with an error of finjax's own, or read as something sound. Child processes read the files,
so that a crash or a hang is noticed. Exit status 1 if there was one, a wrong result, or another error;
`runs/mutations.json` says what was changed in each file.
"""

import argparse
import collections
import json
import queue
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from finjax.system.files import write_json
from soak.mutated.sources import LOADERS, write_sources
from soak.mutated.verdicts import LOADED, RAW, REFUSED, WRONG, fingerprint

LONGEST_S = 10.0  # for one file
START_S = 120.0  # until the child has imported its modules
FILES_PER_CHILD = 250
CRASHED, HUNG = "crash", "hang"
FAULTS = (WRONG, RAW, CRASHED, HUNG)
CHILD = (sys.executable, "-m", "soak.mutated.child")
OUT = Path("runs/mutations.json")


def main(arguments: list[str] | None = None) -> int:
    """Damages and reads the files; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m soak.mutations", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--files", type=int, default=2000, help="number of files (default: %(default)s)")
    parser.add_argument("--run", type=Path, help="run of a small decoder; by default, trains one")
    parser.add_argument("--only", default="", help="read this file alone, such as mat:17")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        run = options.run or train(Path(folder) / "runs")
        sources = prepare(Path(folder) / "sources", run=run)
        items = [options.only] if options.only else plan(options.files)
        verdicts = judge_all(items, sources)
    write_json(OUT, {item: list(verdict) for item, verdict in verdicts.items()})
    print(table(verdicts))
    faults = {item: verdict for item, verdict in verdicts.items() if verdict[0] in FAULTS or options.only}
    for item, (verdict, detail) in faults.items():
        print(f"{item}: {verdict}: {detail}")
    return int(any(verdict in FAULTS for verdict, _ in verdicts.values()))


def train(folder: Path) -> Path:
    """Trains a small decoder in seconds; returns its run."""
    command = ["main.py", "--config=configs/cnn.py:test", f"--workdir={folder}", "--config.subject=1"]
    options = ("features=rms,wl", "step=100ms", "log.tensorboard=False", "train.max_epochs=1")
    subprocess.run([sys.executable, *command, *(f"--config.{option}" for option in options)], check=True)
    return folder / "subject_1"


def prepare(folder: Path, *, run: Path) -> Path:
    """Writes sound inputs of every kind, and the fingerprints of the models beside them."""
    from finjax.inference.export import export_model

    folder.mkdir(parents=True, exist_ok=True)
    export_model(run, folder / "model.finjax", platforms=("cpu",))
    write_sources(folder, run=run, export=folder / "model.finjax")
    for kind in ("checkpoint", "resume", "export"):
        (folder / f"{kind}.sha256").write_text(fingerprint(LOADERS[kind](folder / kind)), encoding="utf-8")
    return folder


def plan(files: int) -> list[str]:
    """Returns which files to damage, as `KIND:SEED`, one kind after another in turn."""
    kinds = list(LOADERS)
    return [f"{kinds[number % len(kinds)]}:{number // len(kinds)}" for number in range(files)]


def judge_all(items: list[str], sources: Path) -> dict[str, tuple[str, str]]:
    """Returns verdict and detail of each item; a new child replaces one that crashed or hung."""
    verdicts: dict[str, tuple[str, str]] = {}
    left = list(items)
    while left:
        verdicts |= _judge_in_child(left[:FILES_PER_CHILD], sources)
        left = [item for item in items if item not in verdicts]
    return verdicts


def _judge_in_child(items: list[str], sources: Path) -> dict[str, tuple[str, str]]:
    """Returns the verdicts of one child; a file that crashed or hung it gets `CRASHED` or `HUNG`."""
    command = [*CHILD, str(sources), *items]
    verdicts: dict[str, tuple[str, str]] = {}
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, encoding="utf-8") as child,
    ):
        verdict_lines = child.stdout
        assert verdict_lines
        lines: queue.Queue = queue.Queue()
        threading.Thread(target=lambda: [*map(lines.put, verdict_lines), lines.put(None)], daemon=True).start()
        current, wait = None, START_S
        while True:
            try:
                line = lines.get(timeout=wait)
            except queue.Empty:
                child.kill()
                line = None
            if line is None:
                break
            wait = LONGEST_S
            match json.loads(line) if line != "ready\n" else ():
                case [item]:
                    current = item
                case [item, verdict, detail]:
                    verdicts[item], current = (verdict, detail), None
        status = child.wait()
        errors.seek(0)
        message = errors.read()[-500:]
    if status and current is None:
        raise RuntimeError(f"the child that reads damaged files ended before it read any ({status}): {message}")
    if current is not None:
        hung = status == -9
        verdicts[current] = (HUNG, f"over {LONGEST_S:g} s") if hung else (CRASHED, f"exit status {status}: {message}")
    return verdicts


def table(verdicts: dict[str, tuple[str, str]]) -> str:
    """Returns the counts as a Markdown table."""
    columns = (REFUSED, LOADED, *FAULTS)
    lines = [f"| | files | {' | '.join(columns)} |", "|" + "---|" * (len(columns) + 2)]
    kinds = {item: item.split(":")[0] for item in verdicts}
    for kind in (*LOADERS, "all"):
        counts = collections.Counter(verdict for item, (verdict, _) in verdicts.items() if kind in (kinds[item], "all"))
        numbers = [counts.total(), *(counts[column] for column in columns)]
        lines.append(f"| {kind} | {' | '.join(map(str, numbers))} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
