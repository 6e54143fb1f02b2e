"""A folder of recordings in BIDS for EMG (https://bids-specification.readthedocs.io, version 1.11).

    FOLDER/dataset_description.json, README, participants.tsv, task-movements_events.json
    FOLDER/sub-01/emg/sub-01_task-movements_run-01_emg.bdf       the samples
    FOLDER/sub-01/emg/sub-01_task-movements_run-01_emg.json      rate, placement, device, electrode check
    FOLDER/sub-01/emg/sub-01_task-movements_run-01_channels.tsv  names, units
    FOLDER/sub-01/emg/sub-01_task-movements_run-01_events.tsv    which movement was held when

With a session `morning`: `sub-01/ses-morning/emg/sub-01_ses-morning_task-movements_run-01_emg.bdf`. Each recording is a
run of its own, so that none replaces another.
"""

import dataclasses
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from finjax.data.bids_files import MISSING, read_cells, read_table
from finjax.errors import ConfigError, DataError, StorageError
from finjax.system.files import whats_wrong, write_json, write_text
from finjax.system.screen import printable
from finjax.version import __version__

BIDS_VERSION = "1.11.1"
TASK = "movements"
DESCRIPTION = "dataset_description.json"
LARGEST_SUBJECT = 9999
README = """Surface EMG of movements of the hand, recorded with finjax.

Each run in sub-*/emg is one recording. Its _events.tsv says which movement was held when, and in which repetition
(trial_type, repetition). Rows whose status is not good do not count: the trial was skipped or done again. Rows of the
trial_type bad are samples that were lost. Between the rows the person rested or moved to the next posture.
"""
EVENTS = {
    "onset": {"Description": "When the person was asked to hold the movement", "Units": "s"},
    "duration": {"Description": "How long the movement was to be held", "Units": "s"},
    "trial_type": {"Description": "Name of the movement, or bad: samples that were lost"},
    "repetition": {"Description": "Number of the repetition, counted on over the runs of a person"},
    "sample": {"Description": "The sample of the onset, from 0"},
    "status": {
        "Description": "Whether the trial counts",
        "Levels": {
            "good": "the movement was held to the end",
            "skipped": "the trial was broken off",
            "repeated": "the trial was done again",
        },
    },
}


@dataclasses.dataclass(frozen=True)
class Person:
    """Who is recorded.

    Attributes:
        subject: number, from 1.
        session: label of the session, letters and digits; empty: none.

    Raises:
        ConfigError: the number or the label cannot be used.
    """

    subject: int
    session: str = ""

    def __post_init__(self) -> None:
        if not 1 <= self.subject <= LARGEST_SUBJECT:
            raise ConfigError(f"--subject={self.subject}: give a number from 1 to {LARGEST_SUBJECT}")
        if not re.fullmatch(r"[A-Za-z0-9]*", self.session):
            raise ConfigError(f"--session={self.session}: only letters and digits without accents can be used")

    @property
    def labels(self) -> list[str]:
        """The parts of names of files, such as `["sub-01", "ses-morning"]`."""
        return [f"sub-{self.subject:02}", *([f"ses-{self.session}"] if self.session else [])]


class Folder:
    """A folder of recordings; a new one is made by `create`.

    Args:
        root: the folder.

    Raises:
        DataError: the folder holds something else.
    """

    def __init__(self, root: Path):
        self.root = root
        if not root.exists():
            return
        if not root.is_dir():
            raise DataError(f"{root} is a file: give a folder")
        described = (root / DESCRIPTION).is_file()
        if not described and any(not path.name.startswith(".") for path in root.iterdir()):
            raise DataError(f"{root} is not empty, and holds no recordings (no {DESCRIPTION}): give another folder")
        if described and "BIDSVersion" not in _json(root / DESCRIPTION):
            raise DataError(f"{root / DESCRIPTION} is not of a BIDS dataset: give another folder")

    def create(self) -> None:
        """Writes what every folder has; files that exist stay as they are."""
        description = {
            "Name": self.root.resolve().name,
            "BIDSVersion": BIDS_VERSION,
            "DatasetType": "raw",
            "GeneratedBy": [{"Name": "finjax", "Version": __version__}],
        }
        self._write_new(DESCRIPTION, json.dumps(description, indent=2) + "\n")
        self._write_new("README", README)
        self._write_new(f"task-{TASK}_events.json", json.dumps(EVENTS, indent=2) + "\n")

    def add_participant(self, person: Person) -> None:
        """Adds a person to the list of participants, unless they are there."""
        path, name = self.root / "participants.tsv", person.labels[0]
        columns, rows = (_columns(path), _rows(path)) if path.exists() else (["participant_id"], [])
        if not any(row.get("participant_id") == name for row in rows):
            write_table(path, columns, [*rows, {"participant_id": name}])

    def new_run(self, person: Person) -> Path:
        """Returns the path of the next run without its ending, such as `…/sub-01_task-movements_run-02`."""
        folder = self.root.joinpath(*person.labels, "emg")
        taken = [int(match[1]) for path in folder.glob("*") if (match := re.search(r"_run-(\d+)_", path.name))]
        return folder / "_".join([*person.labels, f"task-{TASK}", f"run-{max(taken, default=0) + 1:02}"])

    def runs(self, subject: int | None = None) -> list[Path]:
        """Returns the sidecars of all runs, or of those of a person, in all sessions; the latest run is the last."""
        label = "*" if subject is None else f"{subject:02}"
        found = self.root.glob(f"sub-{label}/**/emg/*_task-{TASK}*_emg.json")
        return sorted(found, key=lambda path: (path.stat().st_mtime_ns, path.name))

    def next_repetition(self, subject: int) -> int:
        """Returns the number of a person's next repetition, over all runs and sessions."""
        numbers = [
            int(row["repetition"])
            for path in self.runs(subject)
            if (events := ending(path, "events.tsv")).exists()
            for row in _rows(events)
            if row.get("repetition", "").isdigit()
        ]
        return max(numbers, default=0) + 1

    def last_movements(self, subject: int) -> list[str]:
        """Returns the movements of the latest run, if possible of this person; none if there is none."""
        for path in [*self.runs(), *self.runs(subject)][::-1]:
            if names := _json(path).get("Movements"):
                return list(names)
        return []

    def check_movements(self, movements: Sequence[str]) -> None:
        """Raises `DataError` if the folder has recordings, but none of some of these movements."""
        known = dict.fromkeys(name for path in self.runs() for name in _json(path).get("Movements") or ())
        if known and (others := [name for name in movements if name not in known]):
            raise DataError(
                f"{self.root} has recordings of {', '.join(known)}, and none of {', '.join(others)}: all recordings of "
                "a folder have the same movements. Give another folder"
            )

    def check_stream(self, *, rate_hz: float, labels: Sequence[str]) -> None:
        """Raises `DataError` if the folder has recordings with other channels or another rate."""
        for path in self.runs()[-1:]:
            known = [row.get("name", "") for row in _rows(ending(path, "channels.tsv"))]
            known_hz = float(_json(path).get("SamplingFrequency", 0))
            if known != list(labels) or abs(known_hz - rate_hz) > 1e-3 * known_hz:
                raise DataError(
                    f"{self.root} has recordings of {len(known)} channels at {known_hz:g} Hz ({', '.join(known)}), "
                    f"the source gives {len(labels)} at {rate_hz:g} Hz ({', '.join(labels)}): give another folder"
                )

    def _write_new(self, name: str, text: str) -> None:
        if (path := self.root / name).exists():
            return
        try:
            write_text(path, text)
        except OSError as error:
            raise StorageError(f"{path} cannot be written ({whats_wrong(error)})") from error


def ending(run: Path, name: str) -> Path:
    """Returns the path of another file of a run: `…_run-01_emg.json` and `events.tsv` give `…_run-01_events.tsv`."""
    return run.with_name(f"{run.name.removesuffix('_emg.json')}_{name}")


def write_table(path: Path, columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> None:
    """Writes a table with tabs; a value that is missing or empty becomes `n/a`.

    Raises:
        StorageError: the file cannot be written.
    """
    lines = ["\t".join(columns)]
    lines += ["\t".join(printable(str(row.get(column, ""))) or MISSING for column in columns) for row in rows]
    try:
        write_text(path, "\n".join(lines) + "\n")
    except OSError as error:
        raise StorageError(f"{path} cannot be written ({whats_wrong(error)})") from error


def _rows(path: Path) -> list[dict[str, str]]:
    """Returns the rows of a table with tabs, which a person may have edited.

    Raises:
        DataError: it cannot be read.
    """
    try:
        return read_table(path, ragged=True)
    except OSError as error:
        raise _unreadable(path, error) from error


def _columns(path: Path) -> list[str]:
    """Returns the names of the columns of a table with tabs; raises as `_rows`."""
    try:
        return read_cells(path)[0]
    except OSError as error:
        raise _unreadable(path, error) from error


def write_sidecar(path: Path, content: dict[str, Any]) -> None:
    """Writes a JSON file of a run.

    Raises:
        StorageError: the file cannot be written.
    """
    try:
        write_json(path, content)
    except OSError as error:
        raise StorageError(f"{path} cannot be written ({whats_wrong(error)})") from error


def _json(path: Path) -> dict[str, Any]:
    """Returns the content of a JSON file.

    Raises:
        DataError: it cannot be read.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    return content if isinstance(content, dict) else {}


def _unreadable(path: Path, error: Exception) -> DataError:
    return DataError(f"{path} cannot be read ({error}): restore it, or give another folder")
