"""Files that are there whole or not at all."""

import contextlib
import json
import math
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Gives a temporary file to write, beside `path`, and moves it there if nothing was raised."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Writes a text file."""
    with whole_file(path) as temporary:
        temporary.write_text(text)


def write_json(path: Path, content) -> None:
    """Writes JSON; NaN, which JSON does not have, becomes null."""
    write_text(path, json.dumps(without_nan(content), indent=2) + "\n")


def without_nan(content):
    """Returns JSON content with null in place of what is not finite."""
    if isinstance(content, dict):
        return {name: without_nan(value) for name, value in content.items()}
    if isinstance(content, list | tuple):
        return [without_nan(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content
