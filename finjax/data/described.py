"""Datasets that their files describe: rate, channels and movements of all files must agree."""

import dataclasses
import functools
import re
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from finjax.data.events import Event, movements_in, numbered
from finjax.data.number_lists import format_numbers
from finjax.data.registry import DatasetSpec, Filter, Piece, Splits
from finjax.data.splits import NO_REPETITIONS
from finjax.data.units import are_convertible
from finjax.errors import DataError, listed

FILTER = Filter(highpass_hz=20.0)  # an amplifier's own samples have offsets, and cables move
RATE_TOLERANCE = 1e-3  # relative: headers store few digits
NUMBERED = re.compile(r"[A-Za-z]*([0-9]{1,5})[A-Za-z]*")  # the label of a subject that has a number
LEAST_MADE = 100_000  # numbers made of labels are larger than those in labels
SHOWN = 6  # names in a message at most


@dataclasses.dataclass(frozen=True, kw_only=True)
class Run:
    """One file of a person, as it is described before its samples are read.

    Attributes:
        path: the file.
        files: the file and the files that describe it.
        rate_hz: sampling rate.
        channel_names: names of its EMG channels.
        units: unit of each channel; empty: not known.
        events: its movements and bad samples, in seconds.
    """

    path: Path
    files: tuple[Path, ...]
    rate_hz: float
    channel_names: tuple[str, ...]
    units: tuple[str, ...]
    events: tuple[Event, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Layout:
    """What all files of a folder have in common.

    Attributes:
        rate_hz: sampling rate.
        channel_names: names of the channels, in the order of the first file.
        movement_names: names of the movements.
        unit: unit of the signals; empty: not known.
    """

    rate_hz: float
    channel_names: tuple[str, ...]
    movement_names: tuple[str, ...]
    unit: str


def specify(
    name: str, runs: Mapping[int, Sequence[Run]], *, files: tuple[str, ...], read: Callable[..., Iterable[Piece]]
) -> DatasetSpec:
    """Returns the specification of the dataset that runs of several people are.

    Args:
        name: name of the kind of dataset.
        runs: by subject.
        files: as in `DatasetSpec`.
        read: as in `DatasetSpec`, with the layout as a further argument.

    Raises:
        DataError: see `refuse_differences`.
    """
    refuse_differences(runs)
    first = next(iter(runs.values()))[0]
    layout = Layout(
        rate_hz=first.rate_hz,
        channel_names=first.channel_names,
        movement_names=movements_in(_fullest(runs).events),
        unit=first.units[0],
    )
    return DatasetSpec(
        name=name,
        **vars(layout),
        files=files,
        read=functools.partial(read, layout=layout),
        splits=default_splits(runs),
        filter=FILTER,
        subjects={
            subject: tuple(dict.fromkeys(path for run in own for path in run.files))
            for subject, own in sorted(runs.items())
        },
    )


def refuse_differences(runs: Mapping[int, Sequence[Run]]) -> None:
    """Raises `DataError` if the files of a folder are not one dataset; names two files and their difference.

    A run may lack movements, because a recording was stopped early; a person may not.
    """
    every = [run for own in runs.values() for run in own]
    first, fullest = every[0], _fullest(runs)
    movements = movements_in(fullest.events)
    if not movements:
        raise DataError(
            f"{first.path}: no movement is labelled. Give each movement's onset, duration and name (trial_type) in "
            "events.tsv, or as annotations or markers in the file"
        )
    for run in every:
        if not run.channel_names:
            raise DataError(f"{run.path}: it has no EMG channel")
        if abs(run.rate_hz - first.rate_hz) > RATE_TOLERANCE * first.rate_hz:
            raise _differ(first, run, f"{first.rate_hz:.10g} Hz", f"{run.rate_hz:.10g} Hz")
        if sorted(run.channel_names) != sorted(first.channel_names):
            raise _differ(first, run, *_apart(first.channel_names, run.channel_names))
        if others := set(movements_in(run.events)) - set(movements):
            raise _differ(fullest, run, f"movements {_listed(movements)}", f"also {_listed(sorted(others))}")
        if not all(are_convertible(unit, first.units[0]) for unit in (*first.units, *run.units)):
            units = [_listed(sorted(set(one.units))) for one in (first, run)]
            raise _differ(first, run, f"units {units[0]}", units[1])
    for subject, own in runs.items():
        if lacking := set(movements).difference(*(movements_in(run.events) for run in own)):
            raise DataError(
                f"subject {subject} ({own[0].path.parent}) has no {_listed(sorted(lacking))}, but {fullest.path} has: "
                "all people need the same movements. Record them, or give a folder without this person"
            )


def _fullest(runs: Mapping[int, Sequence[Run]]) -> Run:
    """Returns the first run with the most movements."""
    return max((run for own in runs.values() for run in own), key=lambda run: len(movements_in(run.events)))


def default_splits(runs: Mapping[int, Sequence[Run]]) -> Splits:
    """Returns the default split: tests on the last quarter of the repetitions that everybody has."""
    own = [
        {event.repetition for events in numbered([run.events for run in person]) for event in events} - {0}
        for person in runs.values()
    ]
    common, every = sorted(set.intersection(*own)), set.union(*own)
    tested = common[-max(1, (len(common) + 2) // 4) :] if len(common) > 1 else []
    return Splits(
        seen_subjects=format_numbers(runs),
        train_repetitions=format_numbers(every.difference(tested)),
        test_repetitions=format_numbers(tested) or NO_REPETITIONS,
    )


def subject_numbers(labels: Sequence[str]) -> dict[str, int]:
    """Returns the number of each subject, which does not depend on the other labels, so that no new one changes it.

    A label of letters and one number has that number. Others have a number of nine digits at most, made of the label.

    Raises:
        DataError: two labels have the same number.

    Example:
        >>> subject_numbers(["01", "P12"]), subject_numbers(["anna"])
        ({'01': 1, 'P12': 12}, {'anna': 559826263})
    """
    numbers: dict[str, int] = {}
    for label in sorted(set(labels)):
        own = NUMBERED.fullmatch(label)
        number = int(own[1]) if own else LEAST_MADE + zlib.crc32(label.encode()) % (10**9 - LEAST_MADE)
        if other := next((one for one, taken in numbers.items() if taken == number), None):
            raise DataError(
                f"{other} and {label} would both be subject {number}: rename the files of one of them, so that the "
                "people have different numbers, as sub-1 and sub-2"
            )
        numbers[label] = number
    return numbers


def in_order(path: Path) -> list[tuple[int, str]]:
    """Returns a key that sorts files by name, with the numbers in it as numbers: run-2 before run-10."""
    parts = re.split(r"(\d+)", path.as_posix())
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def _apart(one: Sequence[str], other: Sequence[str]) -> tuple[str, str]:
    """Returns how two lists of channels differ, each from its own side."""
    missing, more = [name for name in one if name not in other], [name for name in other if name not in one]
    return (
        f"{len(one)} channels" + (f", with {_listed(missing)}" if missing else ""),
        f"{len(other)}" + (f", with {_listed(more)}" if more else ""),
    )


def _differ(first: Run, other: Run, one: str, two: str) -> DataError:
    return DataError(
        f"{first.path} and {other.path} cannot be read together: the first has {one}, the second {two}. "
        "Give a folder whose recordings agree"
    )


def _listed(names: Sequence[str]) -> str:
    return listed([name or "none" for name in names], most=SHOWN)
