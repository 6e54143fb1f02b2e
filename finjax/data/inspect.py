"""What a folder of recordings holds: tables of samples, segments and windows, and the files that are odd."""

import numpy as np

from finjax.data.numbers import format_numbers
from finjax.data.recording import Recording
from finjax.data.registry import DatasetSpec, Filter
from finjax.data.windows import Framing, count_windows

FILTER_PARTS = {"highpass_hz": "high-pass", "lowpass_hz": "low-pass", "notch_hz": "notch"}


def report(spec: DatasetSpec, recordings: list[Recording], bad: dict[int, str], *, framing: Framing) -> str:
    """Describes recordings for a reader at a terminal.

    Args:
        spec: the dataset.
        recordings: the subjects that could be read.
        bad: what is wrong with each of the others.
        framing: length and step of the windows.

    Returns:
        Several lines of text: an overview, one table by subject, one by movement and repetition,
        what is missing, and the subjects that cannot be read.
    """
    parts = [_overview(spec, recordings, framing)]
    if recordings:
        segments = [recording.segments() for recording in recordings]
        windows = [count_windows(table, framing) for table in segments]
        parts.append(_by_subject(recordings, segments, windows))
        cells = _cells(segments, windows)
        parts.append(_by_movement(spec, cells.sum(axis=0)))
        parts.append(_gaps(recordings, cells))
    if odd := [(recording.subject, note) for recording in recordings for note in recording.notes]:
        parts.append("Read, but odd\n" + "\n".join(f"  subject {subject}: {note}" for subject, note in odd))
    if bad:
        listed = "\n".join(f"  subject {subject}: {message}" for subject, message in sorted(bad.items()))
        parts.append(f"Cannot be read\n{listed}")
    return "\n\n".join(part for part in parts if part)


def _overview(spec: DatasetSpec, recordings: list[Recording], framing: Framing) -> str:
    subjects = format_numbers(recording.subject for recording in recordings) or "none"
    to_ms = 1000 / spec.rate_hz
    rows = [
        ("subjects", f"{len(recordings)} ({subjects})" if recordings else subjects),
        ("channels", f"{len(spec.channel_names)}"),
        ("movements", f"{len(spec.movement_names)}"),
        ("sampling rate", f"{spec.rate_hz:g} Hz"),
        ("filter", _filter_text(spec.filter)),
        (
            "windows",
            f"{framing.length * to_ms:g} ms ({framing.length} samples) every "
            f"{framing.step * to_ms:g} ms ({framing.step} samples), "
            "wholly within one movement and repetition",
        ),
    ]
    return "\n".join([spec.name, *(f"  {name:<14} {text}" for name, text in rows)])


def _filter_text(filter: Filter) -> str:
    edges = [(text, getattr(filter, name)) for name, text in FILTER_PARTS.items()]
    return ", ".join(f"{text} {edge:g} Hz" for text, edge in edges if edge is not None) or "none"


def _by_subject(recordings: list[Recording], segments: list[np.ndarray], windows: list[np.ndarray]) -> str:
    header = ["subject", "samples", "seconds", "segments", "too short", "repetitions", "windows"]
    counts, rows = [], []
    for recording, table, inside in zip(recordings, segments, windows, strict=True):
        samples = len(recording.signal)
        short = int((inside == 0).sum())
        count = [samples, samples / recording.rate_hz, len(table), short, int(inside.sum())]
        counts.append(count)
        rows.append(_subject_row(str(recording.subject), count, np.unique(table[:, 3])))
    if len(rows) > 1:
        repetitions = np.unique(np.concatenate([table[:, 3] for table in segments]))
        rows.append(_subject_row("all", [sum(column) for column in zip(*counts, strict=True)], repetitions))
    text = "By subject\n" + _table(header, rows)
    if any(count[3] for count in counts):
        text += "\n  too short: segments shorter than one window, which give none"
    return text


def _subject_row(name: str, count: list, repetitions: np.ndarray) -> list[str]:
    samples, seconds, segments, short, windows = count
    return [
        name,
        f"{samples:,}",
        f"{seconds:,.1f}",
        f"{segments:,}",
        f"{short:,}" if short else "-",
        format_numbers(repetitions) or "-",
        f"{windows:,}",
    ]


def _cells(segments: list[np.ndarray], windows: list[np.ndarray]) -> np.ndarray:
    """Returns `[subjects, movements, repetitions]` window counts, up to the largest number seen."""
    shape = np.max([table[:, 2:].max(axis=0, initial=0) for table in segments], axis=0) + 1
    cells = np.zeros((len(segments), *shape), np.int64)
    for subject, (table, inside) in enumerate(zip(segments, windows, strict=True)):
        np.add.at(cells[subject], (table[:, 2], table[:, 3]), inside)
    return cells


def _by_movement(spec: DatasetSpec, cells: np.ndarray) -> str:
    """Returns the table of `[movements, repetitions]` window counts, all subjects together."""
    repetitions = np.flatnonzero(cells.any(axis=0))
    names = spec.movement_names[: len(cells)]
    header = ["movement", *(f"rep {repetition}" for repetition in repetitions), "all"]
    rows = [
        [f"{index:>2}  {name}", *(f"{cells[index, r]:,}" for r in repetitions), f"{cells[index].sum():,}"]
        for index, name in enumerate(names)
    ]
    totals = [f"{cells[:, r].sum():,}" for r in repetitions]
    rows.append(["    all", *totals, f"{cells.sum():,}"])
    return "Windows by movement and repetition, all subjects together\n" + _table(header, rows, left=1)


def _gaps(recordings: list[Recording], cells: np.ndarray) -> str:
    """Names the subjects that lack a movement in a repetition which others have."""
    present = cells.any(axis=0)
    lines = []
    for recording, own in zip(recordings, cells, strict=True):
        lacking = present & (own == 0)
        if lacking.any():
            pairs = ", ".join(
                f"movement {movement} in repetitions {format_numbers(np.flatnonzero(lacking[movement]))}"
                for movement in np.flatnonzero(lacking.any(axis=1))[:4]
            )
            more = ", ..." if lacking.any(axis=1).sum() > 4 else ""
            lines.append(f"  subject {recording.subject}: {pairs}{more}")
    return "\n".join(["No window, though other subjects have some", *lines]) if lines else ""


def _table(header: list[str], rows: list[list[str]], *, left: int = 0) -> str:
    """Sets a table in columns, the first `left` of them flush left."""
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    lines = []
    for row in [header, *rows]:
        cells = [
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  " + "  ".join(cells).rstrip())
    return "\n".join(lines)
