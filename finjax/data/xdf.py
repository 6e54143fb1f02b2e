"""XDF files of the LabRecorder: a stream of EMG, and a stream of markers with the names of movements at their start.

A marker `rest`, `end` or `stop`, or an empty one, ends a movement; otherwise it lasts until the next marker. Files with
`sub-…` in their names or folders are of that person; any other file is of a person of its own. Stretches between two
gaps of the stream are pieces of their own.

Reference: Extensible Data Format, specification 1.0, https://github.com/sccn/xdf/wiki/Specifications.
"""

import functools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from finjax.data import registry
from finjax.data.described import FILTER, Layout, Run, in_order, specify, subject_numbers
from finjax.data.events import Event, from_markers, label, numbered
from finjax.data.units import factor
from finjax.data.xdf_streams import TEXT, Stream, find_streams, load_streams
from finjax.errors import DataError

NAME = "xdf"
SUBJECT = re.compile(r"sub-([0-9A-Za-z]+)")
RATE_DIFFERENCE = 0.01  # relative, between the nominal and the measured rate; a larger one is worth a note


def spec_of(folder: Path, files: tuple[Path, ...]) -> registry.DatasetSpec:
    """Returns the specification of the dataset in a folder.

    Args:
        folder: the folder.
        files: its XDF files.

    Raises:
        DataError: a file is damaged, has no EMG or no markers, or two files do not agree.
    """
    ordered = sorted(files, key=in_order)
    labels = [_person(path.relative_to(folder)) for path in ordered]
    numbers = subject_numbers(labels)
    runs: dict[int, list[Run]] = {}
    for path, own in zip(ordered, labels, strict=True):
        runs.setdefault(numbers[own], []).append(describe(path)[0])
    return specify(NAME, runs, files=DATASET.files, read=read)


def _person(path: Path) -> str:
    """Returns the label of the person that a file of the folder is of."""
    found = SUBJECT.findall(path.as_posix())
    return found[-1] if found else path.with_suffix("").as_posix()


def describe(path: Path) -> tuple[Run, Stream]:
    """Returns what is known of a file before its samples are read, and its stream of EMG."""
    return _described(*registry.state_of(path))


@functools.lru_cache(maxsize=1024)  # the specification and the reading of a file need it
def _described(path: Path, size: int, mtime_ns: int) -> tuple[Run, Stream]:
    emg, markers = _choose(path, find_streams(path))
    (marked,), _ = load_streams(path, [markers.number])
    chosen = _emg_channels(emg)
    run = Run(
        path=path,
        files=(path,),
        rate_hz=emg.rate_hz,
        channel_names=tuple(emg.channel_names[place] for place in chosen),
        units=tuple(emg.units[place] for place in chosen),
        events=tuple(_events_of(marked)),
    )
    return run, emg


def read(paths: tuple[Path, ...], *, layout: Layout) -> Iterator[registry.Piece]:
    """Yields the pieces of one person's files.

    Args:
        paths: the person's files, in order of time.
        layout: of the dataset.
    """
    described = [describe(path) for path in paths]
    for (run, emg), events in zip(described, numbered([run.events for run, _ in described]), strict=True):
        (stream,), notes = load_streams(run.path, [emg.number])
        stamps, samples = np.asarray(stream["time_stamps"]), np.asarray(stream["time_series"])
        if not len(stamps):
            raise DataError(f"{run.path}: its stream {emg.name!r} has no samples: remove the file")
        columns = [emg.channel_names.index(name) for name in layout.channel_names]
        factors = [factor(run.units[run.channel_names.index(name)], layout.unit) for name in layout.channel_names]
        signal = (samples[:, columns] * factors).astype(np.float32)
        measured = float(stream["info"]["effective_srate"])
        if abs(measured - layout.rate_hz) > RATE_DIFFERENCE * layout.rate_hz:
            notes.append(
                f"its stream has {layout.rate_hz:g} Hz by its header, but {measured:.6g} Hz by its time stamps"
            )
        for first, last in stream["info"]["segments"]:
            part = slice(first, last + 1)
            ends_here = last + 1 == len(stamps)
            inside = [event for event in events if event.stop_s > stamps[first]]
            inside = inside if ends_here else [event for event in inside if event.start_s <= stamps[last]]
            movement, repetition, late = label(
                inside,
                len(stamps[part]),
                layout.movement_names,
                to_sample=functools.partial(_sample_at, stamps[part]),
            )
            yield registry.Piece(
                signal=signal[part],
                movement=movement,
                repetition=repetition,
                notes=tuple(f"{run.path.name}: {note}" for note in [*(notes if ends_here else []), *late]),
            )


def _sample_at(stamps: np.ndarray, time_s: float) -> int:
    return int(np.searchsorted(stamps, time_s))


def _choose(path: Path, streams: Sequence[Stream]) -> tuple[Stream, Stream]:
    """Returns the stream of EMG and the stream of markers.

    Raises:
        DataError: one of them is missing, or there are several.
    """
    described = ", ".join(f"{one.name!r} of type {one.kind or 'none'}" for one in streams) or "no stream"
    signals = [one for one in streams if one.format != TEXT and one.rate_hz > 0]
    emg = [one for one in signals if one.kind.casefold() == "emg"] or signals
    if len(emg) != 1:
        raise DataError(
            f"{path} must have one stream of type EMG with a regular rate; it has {described}: record the EMG alone, "
            "or give its stream the type EMG"
        )
    texts = [one for one in streams if one.format == TEXT]
    markers = [one for one in texts if one.kind.casefold() == "markers"] or texts
    if len(markers) != 1:
        raise DataError(
            f"{path} must have one stream of markers, with the name of each movement at its start; it has {described}: "
            "record the markers with the EMG"
        )
    return emg[0], markers[0]


def _emg_channels(stream: Stream) -> list[int]:
    """Returns the places of the channels of type EMG; all, if none says so."""
    places = [place for place, kind in enumerate(stream.channel_kinds) if kind.casefold() == "emg"]
    return places or list(range(len(stream.channel_names)))


def _events_of(stream: dict) -> list[Event]:
    times = np.asarray(stream["time_stamps"], float).tolist()
    return from_markers((time_s, str(row[0])) for time_s, row in zip(times, stream["time_series"], strict=True))


DATASET = registry.register(
    registry.FolderDataset(
        name=NAME,
        files=(r"([^/]+)\.xdf",),
        spec_of=spec_of,
        filter=FILTER,
        download="It needs files of the LabRecorder, each with a stream of EMG and a stream of markers.",
    )
)
