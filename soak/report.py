"""Folders and figures of soaks."""

import datetime
import json
import shutil
import sys
from pathlib import Path

from finjax.system.files import write_json

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "runs/soak"


def clear(name: str) -> Path:
    """Returns an empty folder for a soak."""
    folder = RESULTS / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def record(name: str, figures: dict) -> None:
    """Prints the figures of a soak, and writes them to `runs/soak/` with date and command."""
    content = {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": f"python -m soak.{name} {' '.join(sys.argv[1:])}".strip(),
        **figures,
    }
    write_json(RESULTS / f"{name}.json", content)
    print(json.dumps(content, indent=2), flush=True)
