"""The people of a recording: their repetitions and windows, before any training."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from finjax.configs.settings import StageSettings
from finjax.data import synthetic
from finjax.data.durations import describe_rounding
from finjax.data.loading import refuse_bad, try_recordings
from finjax.data.number_lists import format_numbers, parse_numbers
from finjax.data.settings import DataSettings
from finjax.data.source import filter_of, find_split, framing_of, load_store, spec_of
from finjax.data.windows import Windows, index_windows
from finjax.errors import DataError, listed, option_of
from finjax.system import digests

OPTIONS = {"data.dir": "RECORDING", "data.name": "--name", "data.subjects": "--subject", "plugins": "--plugins"}
SHOWN = 12  # names of movements or channels at most


def option(field: str) -> str:
    """Returns the option of `finjax fit` that sets a field of a configuration, for messages."""
    return OPTIONS.get(field) or option_of(field)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Person:
    """What a person recorded.

    Attributes:
        subject: number of the person.
        repetitions: those with at least one window.
        tested: those with windows of all of the person's movements; the others, as of a recording that was broken off,
            would only test some movements.
        windows: number of windows of each movement.
        digest: identifies samples and labels.
    """

    subject: int
    repetitions: tuple[int, ...]
    tested: tuple[int, ...]
    windows: tuple[int, ...]
    digest: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Found:
    """What a folder of recordings holds.

    Attributes:
        name: the dataset.
        rate_hz: sampling rate.
        channel_names: C names.
        movement_names: K names.
        unit: unit of the samples; empty: not known.
        window_ms: length of a window.
        step_ms: from one window to the next.
        people: everyone to fit a decoder to.
        remarks: how durations were rounded, and which repetitions are not tested.
    """

    name: str
    rate_hz: float
    channel_names: tuple[str, ...]
    movement_names: tuple[str, ...]
    unit: str
    window_ms: float
    step_ms: float
    people: tuple[Person, ...]
    remarks: tuple[str, ...]

    def lines(self, folder: str) -> list[str]:
        """Returns the description, for a reader at a terminal."""
        people = format_numbers(person.subject for person in self.people)
        total = sum(sum(person.windows) for person in self.people)
        rows = [
            ("recording", f"{folder} ({self.name})" if folder else self.name),
            ("people", people),
            (
                "channels",
                f"{len(self.channel_names)} at {self.rate_hz:.10g} Hz: {listed(self.channel_names, most=SHOWN)}",
            ),
            ("movements", f"{len(self.movement_names)}: {listed(self.movement_names, most=SHOWN)}"),
            ("windows", f"{total:,} of {self.window_ms:.6g} ms, one every {self.step_ms:.6g} ms"),
        ]
        for person in self.people:
            who = f"subject {person.subject}: " if len(self.people) > 1 else ""
            rows.append(("repetitions", f"{who}{format_numbers(person.repetitions)}"))
        rows += [("note", remark) for remark in self.remarks]
        return [f"  {name:<12} {text}" for name, text in rows]


def find_people(settings: StageSettings, wanted: str) -> Found:
    """Reads the recordings, and returns what they hold.

    Args:
        settings: settings of the first training: the data, and the windows.
        wanted: number list of the people; empty: all.

    Raises:
        DataError: a recording cannot be used, or a person has too few movements or windows.
    """
    split = find_split(settings.data, option=option)
    subjects = parse_numbers(wanted) or split.subjects
    if missing := set(subjects) - set(split.subjects):
        raise DataError(
            f"--subject={wanted}: no recordings of subject {format_numbers(missing)}; there are those of "
            f"{format_numbers(split.subjects)}"
        )
    if settings.data.name != synthetic.NAME:
        _refuse_unreadable(settings.data, subjects)
    people, remarks = [], []
    for subject in subjects:
        store, _ = load_store(settings.data, subjects=(subject,), option=option)
        framing = framing_of(
            window=settings.window, step=settings.step, rate_hz=store.rate_hz, horizon=settings.prediction[0]
        )
        windows = index_windows(store.segments, framing)
        counts = np.bincount(windows.movement, minlength=len(store.movement_names))
        if (counts > 0).sum() < 2:
            raise DataError(
                f"subject {subject} has windows of {(counts > 0).sum()} movement; a decoder needs at least two"
            )
        lacking = _lacking(windows)
        remarks += [
            f"subject {subject}: repetition {repetition} has no window of "
            f"{listed([store.movement_names[one] for one in movements], most=SHOWN)}, so that it is not tested; the "
            "decoder is tuned to it"
            for repetition, movements in lacking.items()
            if movements
        ]
        people.append(
            Person(
                subject=subject,
                repetitions=tuple(lacking),
                tested=tuple(repetition for repetition, movements in lacking.items() if not movements),
                windows=tuple(counts.tolist()),
                digest=digests.of_arrays({"samples": store.samples, "segments": store.segments}),
            )
        )
    roundings = [
        describe_rounding(getattr(settings, field), store.rate_hz, option=field) for field in ("window", "step")
    ]
    return Found(
        name=store.dataset,
        rate_hz=store.rate_hz,
        channel_names=store.channel_names,
        movement_names=store.movement_names,
        unit=store.unit,
        window_ms=1000 * framing.length / store.rate_hz,
        step_ms=1000 * framing.step / store.rate_hz,
        people=tuple(people),
        remarks=(*filter(None, roundings), *remarks),
    )


def _lacking(windows: Windows) -> dict[int, list[int]]:
    """Returns the movements of a person that each repetition has no window of, by repetition."""
    movements = np.unique(windows.movement)
    return {
        repetition: np.setdiff1d(movements, windows.movement[windows.repetition == repetition]).tolist()
        for repetition in np.unique(windows.repetition).tolist()
    }


def _refuse_unreadable(data: DataSettings, subjects: Sequence[int]) -> None:
    """Raises `DataError` if some of the people cannot be read; names all of them, and how to leave them out."""
    spec = spec_of(data, option=option)
    recordings, bad = try_recordings(
        spec, data.dir, subjects=subjects, filter=filter_of(data), cache_dir=data.cache_dir or None, option=option
    )
    refuse_bad(spec, good=[recording.subject for recording in recordings], bad=bad, option=option)
