"""BIDS folders with EMG: recordings in EDF or BDF, with tables of channels and movements beside them.

`finjax record` writes such folders. Each run (a data file) is one piece; sampling rate, channels and movements are
those of the folder. A channel counts if its `channels.tsv` says type EMG, and not status bad. Movements are the rows of
`events.tsv`, by `trial_type`; without that file, the annotations in the data file. Rows whose `status` is skipped,
repeated or bad do not count, and samples under a name that begins with `bad` have no label. Channels in other units of
voltage than the first are converted to its unit.
"""

import functools
from collections.abc import Iterator, Sequence
from pathlib import Path

from finjax.data import registry
from finjax.data.bids_files import entities, number_in, read_fields, read_table, sidecars
from finjax.data.described import FILTER, Layout, Run, in_order, specify, subject_numbers
from finjax.data.edf import SUFFIXES, EDFFile
from finjax.data.events import Event, from_onsets, label, numbered
from finjax.data.fetched import refuse_unfetched
from finjax.data.units import plain_unit
from finjax.errors import DataError

NAME = "bids"
GOOD = ("", "good", "ok")  # status of a movement that counts
LEFT_OUT = ("derivatives", "sourcedata")  # folders of other files than the recordings
TABLES = ("channels.tsv", "events.tsv", "emg.json")


def spec_of(folder: Path, files: tuple[Path, ...]) -> registry.DatasetSpec:
    """Returns the specification of the dataset in a folder; reads no samples where tables describe them.

    Args:
        folder: the folder.
        files: its data files and the files that describe them.

    Raises:
        DataError: a file is damaged, or two files do not agree.
    """
    kept = [path for path in files if not set(path.relative_to(folder).parts).intersection(LEFT_OUT)]
    data = sorted((path for path in kept if path.suffix.lower() in SUFFIXES), key=in_order)
    if not data:
        raise DataError(f"{folder} has no recordings outside {' and '.join(LEFT_OUT)}: give the folder inside")
    numbers = subject_numbers([entities(path)["sub"] for path in data])
    runs: dict[int, list[Run]] = {}
    for path in data:
        runs.setdefault(numbers[entities(path)["sub"]], []).append(describe(path, kept))
    return specify(NAME, runs, files=DATASET.files, read=read)


def describe(path: Path, files: Sequence[Path]) -> Run:
    """Returns what is known of a run before its samples are read.

    A data file that is damaged or not downloaded is described by its tables alone, so that other people can be read.

    Args:
        path: the data file.
        files: the files of the folder that may describe it.
    """
    tables = {name: sidecars(path, name, files) for name in TABLES}
    stored = read_fields(tables["emg.json"]).get("SamplingFrequency")
    rate_hz = float(stored) if isinstance(stored, int | float) and stored > 0 else 0.0
    header: EDFFile | None = None
    try:
        refuse_unfetched([path])
        header = EDFFile(path, header_only=True)
    except (DataError, OSError):
        if not (rate_hz and tables["channels.tsv"] and tables["events.tsv"]):
            raise
    units = _emg_channels(tables["channels.tsv"][0]) if tables["channels.tsv"] else {}
    if header:
        names = tuple(units) or tuple(channel.name for channel in header.channels)
        found = [header.channels[place] for place in header.find(names)]
        units = {name: channel.unit or units.get(name, "") for name, channel in zip(names, found, strict=True)}
        rate_hz = rate_hz or next((channel.rate_hz for channel in found), 0.0)
    return Run(
        path=path,
        files=(path, *(one for found in tables.values() for one in found)),
        rate_hz=rate_hz,
        channel_names=tuple(units),
        units=tuple(units.values()),
        events=tuple(_events_in(tables["events.tsv"][0], rate_hz) if tables["events.tsv"] else EDFFile(path).events()),
    )


def read(paths: tuple[Path, ...], *, layout: Layout) -> Iterator[registry.Piece]:
    """Yields one person's runs, each as a piece.

    Args:
        paths: the person's data files and the files that describe them.
        layout: of the dataset.
    """
    data = [path for path in paths if path.suffix.lower() in SUFFIXES]
    runs = [describe(path, paths) for path in data]
    for run, events in zip(runs, numbered([run.events for run in runs]), strict=True):
        file = EDFFile(run.path)
        units = dict(zip(run.channel_names, run.units, strict=True))
        signal = file.read(
            layout.channel_names,
            rate_hz=layout.rate_hz,
            units=[units[name] for name in layout.channel_names],
            wanted_unit=layout.unit,
        )
        marked = [event for event in file.events() if event.is_bad]
        movement, repetition, notes = label(
            [*events, *marked], len(signal), layout.movement_names, to_sample=functools.partial(_sample_at, run.rate_hz)
        )
        yield registry.Piece(
            signal=signal,
            movement=movement,
            repetition=repetition,
            notes=tuple(f"{run.path.name}: {note}" for note in (*file.notes, *notes)),
        )


def _sample_at(rate_hz: float, time_s: float) -> int:
    return round(time_s * rate_hz)


def _emg_channels(table: Path) -> dict[str, str]:
    """Returns the unit of each EMG channel in a `channels.tsv` that can be used, by name."""
    rows = read_table(table)
    if not rows or not {"name", "type"} <= rows[0].keys():
        raise DataError(f"{table} needs the columns name and type, and a row for each channel")
    chosen = [row for row in rows if row["type"].upper() == "EMG" and row.get("status", "").casefold() != "bad"]
    if not chosen:
        types = ", ".join(sorted({row["type"] or "none" for row in rows}))
        raise DataError(f"{table} has no usable channel of type EMG (it has types {types}): correct it")
    names = [row["name"] for row in chosen]
    if double := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        raise DataError(f"{table} has several rows for {', '.join(double)}: each channel needs a name of its own")
    return {row["name"]: plain_unit(row.get("units", "")) for row in chosen}


def _events_in(table: Path, rate_hz: float) -> list[Event]:
    """Returns the movements and bad samples in an `events.tsv`."""
    rows = read_table(table)
    if rows and not {"onset", "trial_type"} <= rows[0].keys():
        raise DataError(
            f"{table} needs the columns onset and trial_type (the movement); it has {', '.join(rows[0])}: rename them"
        )
    found: list[Event] = []
    for number, row in enumerate(rows, start=2):
        where = f"{table}, row {number}"
        start_s, sample = (number_in(row.get(name, ""), where=f"{where}, {name}") for name in ("onset", "sample"))
        duration_s, repetition = (
            number_in(row.get(name, ""), where=f"{where}, {name}") or 0.0 for name in ("duration", "repetition")
        )
        if row.get("status", "").casefold() not in GOOD or (start_s is None and sample is None):
            continue
        if sample is not None:
            start_s = sample / rate_hz
        assert start_s is not None
        name = row["trial_type"]
        found.append(Event(start_s=start_s, stop_s=start_s + duration_s, name=name, repetition=round(repetition)))
    return from_onsets(found)


DATASET = registry.register(
    registry.FolderDataset(
        name=NAME,
        files=(r"sub-([0-9A-Za-z+]+)_(?:[^/]*_)?emg\.(?:[eE][dD][fF]|[bB][dD][fF])",),
        sidecars=(r"(?:[^/]*_)?(?:channels\.tsv|events\.tsv|emg\.json)",),
        spec_of=spec_of,
        filter=FILTER,
        download=(
            "It needs files such as sub-01/emg/sub-01_task-movements_emg.bdf with their tables, as finjax record "
            "writes them."
        ),
    )
)
