"""The names, tables and sidecars of a BIDS folder with EMG.

A data file is `sub-01/[ses-A/]emg/sub-01_[ses-A_]task-movements_run-01_emg.bdf`. Files with the same beginning describe
it. One that describes several data files lies in a folder above them, and its name has only a part of their entities.

Reference: Brain Imaging Data Structure, specification 1.11, "Electromyography" and "The Inheritance Principle".
"""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from finjax.data.described import in_order
from finjax.errors import DataError

MISSING = "n/a"  # the value of an empty cell


def entities(path: Path) -> dict[str, str]:
    """Returns the entities in a file's name.

    Example:
        >>> entities(Path("sub-01_task-movements_run-02_emg.bdf"))
        {'sub': '01', 'task': 'movements', 'run': '02'}
    """
    pairs = (part.split("-", 1) for part in path.stem.split("_")[:-1] if "-" in part)
    return dict(pairs)


def suffix(path: Path) -> str:
    """Returns the last part of a file's name with its extension, such as `events.tsv`."""
    return path.name.rsplit("_", 1)[-1]


def sidecars(data: Path, wanted: str, candidates: Sequence[Path]) -> list[Path]:
    """Returns the files that describe a data file, the nearest first.

    Args:
        data: the data file.
        wanted: end of the name, such as `events.tsv`.
        candidates: files of the folder.
    """
    own = entities(data).items()
    found = [
        path
        for path in candidates
        if suffix(path) == wanted and data.is_relative_to(path.parent) and entities(path).items() <= own
    ]
    return sorted(found, key=lambda path: (-len(path.parts), -len(entities(path)), in_order(path)))


def read_table(path: Path, *, ragged: bool = False) -> list[dict[str, str]]:
    """Returns the rows of a tab-separated table; empty cells and `n/a` are empty text.

    Args:
        path: the table.
        ragged: whether a row may have more or fewer cells than the first; cells that it lacks are empty text.

    Raises:
        DataError: it is not such a table.
    """
    header, rows = read_cells(path)
    for number, row in enumerate(rows, start=2):
        if len(row) != len(header) and not ragged:
            raise DataError(f"{path}, row {number}: it has {len(row)} columns, but the first row {len(header)}")
    return [dict.fromkeys(header, "") | dict(zip(header, row, strict=False)) for row in rows]


def read_cells(path: Path) -> tuple[list[str], list[list[str]]]:
    """Returns the names of the columns of a tab-separated table, and the cells of its rows; raises as `read_table`."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE, strict=True)
            header, *rows = [[_cell(cell) for cell in line] for line in lines if line]
            return header, rows
    except (UnicodeDecodeError, csv.Error, ValueError) as error:
        raise DataError(f"{path} is not a table of tab-separated text ({error}): correct it, or remove it") from error


def _cell(text: str) -> str:
    text = text.strip()
    return "" if text.casefold() == MISSING else text


def read_fields(paths: Sequence[Path]) -> dict[str, Any]:
    """Returns the fields of JSON files; a field of an earlier file replaces that of a later one.

    Raises:
        DataError: a file holds no JSON object.
    """
    merged: dict[str, Any] = {}
    for path in reversed(paths):
        try:
            fields = json.loads(path.read_text(encoding="utf-8-sig"))
        except ValueError as error:  # of JSON or of the encoding
            raise DataError(f"{path} is not JSON ({error}): correct it, or remove it") from error
        if not isinstance(fields, dict):
            raise DataError(f"{path} holds no fields: correct it, or remove it")
        merged |= fields
    return merged


def number_in(text: str, *, where: str) -> float | None:
    """Returns the number in a cell, or None if the cell is empty; `where` begins the message of an error.

    Raises:
        DataError: the text is not a finite number.
    """
    if not text:
        return None
    try:
        number = float(text)
        if abs(number) < float("inf"):
            return number
    except ValueError:
        pass
    raise DataError(f"{where}: {text!r} is not a number")
