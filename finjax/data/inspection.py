"""Describes a folder of recordings: tables of samples, segments and windows, and unusual files."""

from collections.abc import Sequence

import numpy as np

from finjax.data import duplicates, filters
from finjax.data.number_lists import format_numbers
from finjax.data.recording import Recording
from finjax.data.registry import DatasetSpec, Splits
from finjax.data.windows import Framing, count_windows


def report(
    spec: DatasetSpec,
    recordings: list[Recording],
    bad: dict[int, str],
    *,
    framing: Framing,
    remarks: Sequence[str] = (),
    unreadable: Sequence[str] = (),
) -> str:
    """Describes recordings for a reader at a terminal.

    Args:
        spec: the dataset.
        recordings: the subjects that could be read.
        bad: by subject, why the others could not be read.
        framing: length and step of the windows.
        remarks: further notes for the overview.
        unreadable: folders that could not be searched.

    Returns:
        Text of several lines: an overview, a table by subject, a table by movement and repetition, missing windows,
        duplicates, and files that cannot be read.
    """
    parts = [_overview(spec, recordings, framing, remarks)]
    if recordings:
        segments = [recording.segments() for recording in recordings]
        windows = [count_windows(table, framing) for table in segments]
        parts.append(_by_subject(recordings, segments, windows))
        counts = _window_counts(segments, windows, movements=len(spec.movement_names))
        parts.append(_by_movement(spec, counts.sum(axis=0)))
        parts.append(_gaps(recordings, counts))
    if odd := [(recording.subject, note) for recording in recordings for note in recording.notes]:
        parts.append("Read, but unusual\n" + "\n".join(f"  subject {subject}: {note}" for subject, note in odd))
    if lines := duplicates.describe(duplicates.find(recordings)):
        parts.append("The same samples under different labels\n" + "\n".join(f"  {line}" for line in lines))
    if bad:
        listed = "\n".join(f"  subject {subject}: {message}" for subject, message in sorted(bad.items()))
        parts.append(f"Cannot be read\n{listed}")
    if unreadable:
        parts.append("Cannot be searched\n" + "\n".join(f"  {place}" for place in unreadable))
    return "\n\n".join(part for part in parts if part)


def _overview(spec: DatasetSpec, recordings: list[Recording], framing: Framing, remarks: Sequence[str]) -> str:
    subjects = format_numbers(recording.subject for recording in recordings) or "none"
    to_ms = 1000 / spec.rate_hz
    rows = [
        ("subjects", f"{len(recordings)} ({subjects})" if recordings else subjects),
        ("channels", f"{len(spec.channel_names)}"),
        ("movements", f"{len(spec.movement_names)}"),
        ("sampling rate", f"{spec.rate_hz:g} Hz"),
        ("filter", filters.describe(spec.filter)),
        ("split", _split_text(spec.splits)),
        (
            "windows",
            f"{framing.length * to_ms:g} ms ({_samples(framing.length)}) every "
            f"{framing.step * to_ms:g} ms ({_samples(framing.step)}), "
            "each within one movement and repetition",
        ),
    ]
    rows += [("note", remark) for remark in (spec.remark, *remarks) if remark]
    return "\n".join([spec.name, *(f"  {name:<14} {text}" for name, text in rows)])


def _samples(number: int) -> str:
    return "1 sample" if number == 1 else f"{number} samples"


def _split_text(splits: Splits) -> str:
    """Returns the default split in one line; empty fields have the meaning that `Splits` gives them."""
    seen = splits.seen_tune_repetitions or splits.train_repetitions
    unseen = splits.unseen_tune_repetitions or splits.train_repetitions
    tune = seen if seen == unseen else f"{seen} (unseen: {unseen})"
    return (
        f"repetitions: train {splits.train_repetitions}, tune {tune}, test {splits.test_repetitions}; "
        f"people: seen {splits.seen_subjects}, unseen {splits.unseen_subjects or 'all others'}"
    )


def _by_subject(recordings: list[Recording], segments: list[np.ndarray], windows: list[np.ndarray]) -> str:
    header = ["subject", "samples", "seconds", "segments", "too short", "repetitions", "windows"]
    counts: list[list[float]] = []
    rows: list[list[str]] = []
    for recording, table, inside in zip(recordings, segments, windows, strict=True):
        samples = len(recording.signal)
        short = int((inside == 0).sum())
        count: list[float] = [samples, samples / recording.rate_hz, len(table), short, int(inside.sum())]
        counts.append(count)
        rows.append(_subject_row(str(recording.subject), count, np.unique(table[:, 3])))
    if len(rows) > 1:
        repetitions = np.unique(np.concatenate([table[:, 3] for table in segments]))
        rows.append(_subject_row("all", [sum(column) for column in zip(*counts, strict=True)], repetitions))
    text = "By subject (samples and seconds include rest; a segment is one repetition of one movement)\n"
    text += _table(header, rows)
    if any(count[3] for count in counts):
        text += "\n  too short: segments shorter than one window"
    return text


def _subject_row(name: str, count: list[float], repetitions: np.ndarray) -> list[str]:
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


def _window_counts(segments: list[np.ndarray], windows: list[np.ndarray], *, movements: int) -> np.ndarray:
    """Returns `[subjects, movements, repetitions]` window counts, up to the largest repetition seen."""
    repetitions = 1 + max(int(table[:, 3].max(initial=0)) for table in segments)
    counts = np.zeros((len(segments), movements, repetitions), np.int64)
    for subject, (table, inside) in enumerate(zip(segments, windows, strict=True)):
        np.add.at(counts[subject], (table[:, 2], table[:, 3]), inside)
    return counts


def _by_movement(spec: DatasetSpec, counts: np.ndarray) -> str:
    """Returns the table of `[movements, repetitions]` window counts, all subjects together."""
    repetitions = np.flatnonzero(counts.any(axis=0))
    header = ["movement", *(f"rep {repetition}" for repetition in repetitions), "all"]
    rows = [
        [f"{index:>2}  {name}", *(f"{counts[index, r]:,}" for r in repetitions), f"{counts[index].sum():,}"]
        for index, name in enumerate(spec.movement_names)
    ]
    totals = [f"{counts[:, r].sum():,}" for r in repetitions]
    rows.append(["    all", *totals, f"{counts.sum():,}"])
    return "Windows by movement and repetition, all subjects together\n" + _table(header, rows, left=1)


def _gaps(recordings: list[Recording], counts: np.ndarray) -> str:
    """Names movements without any window, and subjects without windows where other subjects have some."""
    present = np.asarray(counts.any(axis=0))  # [movements, repetitions]
    absent = np.flatnonzero(~present.any(axis=1))
    nobody = f"No window of any subject: movement {format_numbers(absent)}\n" if len(absent) else ""
    lines = []
    for recording, own in zip(recordings, counts, strict=True):
        lacking = np.asarray(present & (own == 0))
        if lacking.any():
            pairs = ", ".join(
                f"movement {movement} in repetitions {format_numbers(np.flatnonzero(lacking[movement]))}"
                for movement in np.flatnonzero(lacking.any(axis=1))[:4]
            )
            more = ", ..." if lacking.any(axis=1).sum() > 4 else ""
            lines.append(f"  subject {recording.subject}: {pairs}{more}")
    some = "\n".join(["No window, though other subjects have some", *lines]) if lines else ""
    return (nobody + some).rstrip()


def _table(header: list[str], rows: list[list[str]], *, left: int = 0) -> str:
    """Formats a table in columns; the first `left` columns are aligned left."""
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    lines = []
    for row in [header, *rows]:
        cells = [
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  " + "  ".join(cells).rstrip())
    return "\n".join(lines)
