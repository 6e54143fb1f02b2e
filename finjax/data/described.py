"""Datasets that their files describe: rate, channels and movements of all files must agree."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from finjax.data.events import Event, movements_in, numbered
from finjax.data.number_lists import format_numbers
from finjax.data.registry import Filter, Splits
from finjax.data.splits import NO_REPETITIONS
from finjax.errors import DataError

FILTER = Filter(highpass_hz=20.0)  # an amplifier's own samples have offsets, and cables move
RATE_TOLERANCE = 1e-3  # relative: headers store few digits
MICROVOLTS = {"V": 1e6, "mV": 1e3, "uV": 1.0, "nV": 1e-3}
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
class Agreement:
    """What all files of a folder have in common.

    Attributes:
        rate_hz: sampling rate.
        channel_names: channels, in the order of the first file.
        movement_names: movements, sorted.
        unit: unit of the first channel; empty: not known.
        splits: the last quarter of the repetitions for the test, all others for training and tuning.
    """

    rate_hz: float
    channel_names: tuple[str, ...]
    movement_names: tuple[str, ...]
    unit: str
    splits: Splits


def agree(runs: Mapping[int, Sequence[Run]]) -> Agreement:
    """Returns what all runs of all people have in common.

    A run may lack movements, because a recording was stopped early; a person may not.

    Args:
        runs: by subject.

    Raises:
        DataError: two files differ, or there is no EMG channel or no movement; names the files and the difference.
    """
    every = [run for own in runs.values() for run in own]
    first = every[0]
    fullest = max(every, key=lambda run: len(movements_in(run.events)))
    movements = movements_in(fullest.events)
    if not movements:
        raise DataError(f"{first.path}: it has no labelled movement: {NO_EVENTS}")
    for run in every:
        if not run.channel_names:
            raise DataError(f"{run.path}: it has no usable EMG channel: are they named EMG, and not all bad?")
        if abs(run.rate_hz - first.rate_hz) > RATE_TOLERANCE * first.rate_hz:
            raise _differ(first, run, f"{first.rate_hz:.10g} Hz", f"{run.rate_hz:.10g} Hz")
        if sorted(run.channel_names) != sorted(first.channel_names):
            raise _differ(first, run, *_apart("channel", first.channel_names, run.channel_names))
        if others := set(movements_in(run.events)) - set(movements):
            raise _differ(
                fullest, run, "movements " + _listed(movements), "other movements: " + _listed(sorted(others))
            )
        if len({_kind(unit) for unit in (*first.units, *run.units)}) > 1:
            raise _differ(first, run, f"units {_listed(sorted({*first.units}))}", f"{_listed(sorted({*run.units}))}")
    for subject, own in runs.items():
        lacking = set(movements).difference(*(movements_in(run.events) for run in own))
        if lacking:
            raise DataError(
                f"subject {subject} ({own[0].path.parent}) has no {_listed(sorted(lacking))}, but {fullest.path} has: "
                "all people need the same movements. Record them, or give a folder without this person"
            )
    return Agreement(
        rate_hz=first.rate_hz,
        channel_names=first.channel_names,
        movement_names=movements,
        unit=first.units[0],
        splits=default_splits(runs),
    )


NO_EVENTS = "give each movement's onset, duration and name (trial_type) in its events.tsv, or as annotations"


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
    """Returns the number of each subject: the digits of its label, or else its place among all labels.

    Example:
        >>> subject_numbers(["01", "P12"]), subject_numbers(["anna", "bo"])
        ({'01': 1, 'P12': 12}, {'anna': 1, 'bo': 2})
    """
    found = {label: re.findall(r"\d+", label) for label in sorted(set(labels))}
    numbers = {label: int(digits[-1]) for label, digits in found.items() if digits and len(digits[-1]) < 6}
    if len(numbers) == len(found) == len(set(numbers.values())):
        return numbers
    return {label: place for place, label in enumerate(found, start=1)}


def in_order(path: Path) -> list[tuple[int, str]]:
    """Returns a key that sorts files by name, with the numbers in it as numbers: run-2 before run-10."""
    parts = re.split(r"(\d+)", path.as_posix())
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def plain_unit(text: str) -> str:
    """Returns the usual spelling of a unit of voltage, such as `uV` for `µV` or `microvolts`; others unchanged.

    Example:
        >>> plain_unit("µV"), plain_unit("Volts"), plain_unit("n/a"), plain_unit("a.u.")
        ('uV', 'V', '', 'a.u.')
    """
    text = text.strip().replace("µ", "u").replace("μ", "u")
    if text.casefold() in ("", "n/a", "unknown"):
        return ""
    words = {"volt": "V", "millivolt": "mV", "microvolt": "uV", "nanovolt": "nV"}
    words |= {unit.casefold(): unit for unit in MICROVOLTS}
    return words.get(text.casefold().rstrip("s"), text)


def factor(unit: str, wanted: str) -> float:
    """Returns by what samples in `unit` are multiplied to be in `wanted`, which is of the same kind."""
    return MICROVOLTS[unit] / MICROVOLTS[wanted] if unit != wanted else 1.0


def _kind(unit: str) -> str:
    """Returns what units that can be converted into each other have in common."""
    return "V" if unit in MICROVOLTS else unit


def _apart(what: str, one: Sequence[str], other: Sequence[str]) -> tuple[str, str]:
    """Returns how two lists of names differ, each from its own side."""
    missing, more = [name for name in one if name not in other], [name for name in other if name not in one]
    return (
        f"{len(one)} {what}s" + (f", with {_listed(missing)}" if missing else ""),
        f"{len(other)}" + (f", with {_listed(more)}" if more else ""),
    )


def _differ(first: Run, other: Run, one: str, two: str) -> DataError:
    return DataError(
        f"{first.path} and {other.path} cannot be read together: the first has {one}, the second {two}. "
        "Give a folder whose recordings agree"
    )


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(name or "none" for name in names[:SHOWN])
    return shown + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
