"""Labels of recordings whose movements are events in time: when each began and ended, and which repetition it is."""

import dataclasses
import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from finjax.data.recording import UNLABELLED

BAD = "bad"  # names that begin so mark samples that cannot be used
ENDS = ("", "rest", "end", "stop", "n/a")  # markers after which no movement is held


@dataclasses.dataclass(frozen=True, kw_only=True)
class Event:
    """One movement that was held, or a stretch of bad samples.

    Attributes:
        start_s: when it began, in seconds from the start of its file.
        stop_s: when it ended.
        name: the movement's name; one that begins with `bad` marks bad samples.
        repetition: its number from 1; 0: not known.
    """

    start_s: float
    stop_s: float
    name: str
    repetition: int = 0

    @property
    def is_bad(self) -> bool:
        """Whether it marks bad samples, not a movement."""
        return self.name.casefold().startswith(BAD)


def from_markers(markers: Iterable[tuple[float, str]]) -> list[Event]:
    """Returns the events of markers, each at the start of a movement, which lasts until the next marker.

    After a marker in `ENDS`, or an empty one, no movement is held. Without such a marker, the last movement lasts until
    the end of the file.

    Args:
        markers: time in seconds, and name.

    Example:
        >>> [(e.name, e.start_s, e.stop_s) for e in from_markers([(1, "fist"), (4, "rest"), (6, "open")])]
        [('fist', 1, 4), ('open', 6, inf)]
    """
    ordered = sorted(((time_s, name.strip()) for time_s, name in markers), key=lambda marker: marker[0])
    stops = [*(time_s for time_s, _ in ordered[1:]), math.inf][: len(ordered)]
    return [
        Event(start_s=start_s, stop_s=stop_s, name=name)
        for (start_s, name), stop_s in zip(ordered, stops, strict=True)
        if name.casefold() not in ENDS
    ]


def from_onsets(found: Iterable[Event]) -> list[Event]:
    """Returns bad samples, and movements with their durations, or markers where no movement has a duration.

    Args:
        found: movements and bad samples; those without a known duration stop when they start.

    Example:
        >>> found = [Event(start_s=t, stop_s=t, name=name) for t, name in [(1, "fist"), (4, "rest")]]
        >>> [(e.name, e.start_s, e.stop_s) for e in from_onsets([*found, Event(start_s=2, stop_s=3, name="bad")])]
        [('bad', 2, 3), ('fist', 1, 4)]
    """
    found = list(found)
    bad = [event for event in found if event.is_bad]
    others = [event for event in found if not event.is_bad]
    held = [event for event in others if event.stop_s > event.start_s and event.name]
    return bad + (held or from_markers((event.start_s, event.name) for event in others))


def movements_in(events: Iterable[Event]) -> tuple[str, ...]:
    """Returns the names of the movements in events, sorted, each once."""
    return tuple(sorted({event.name for event in events if not event.is_bad}, key=lambda name: (name.casefold(), name)))


def numbered(runs: Sequence[Sequence[Event]]) -> list[list[Event]]:
    """Numbers the repetitions of one person's runs, so that each repetition of a movement has a number of its own.

    Numbers that the events have are kept, unless an earlier run has a movement's repetition already: then the run is
    numbered on from the largest number so far. A run without numbers is counted, movement by movement, in order of
    time.

    Args:
        runs: the events of each run, in order of time.

    Example:
        >>> run = [Event(start_s=t, stop_s=t + 1, name=name) for t, name in enumerate(["fist", "open", "fist"])]
        >>> [[event.repetition for event in one] for one in numbered([run, run])]
        [[1, 1, 2], [3, 2, 4]]
    """
    used: set[tuple[str, int]] = set()
    result = []
    for events in runs:
        ordered = sorted(events, key=lambda event: event.start_s)
        held = [event for event in ordered if not event.is_bad]
        if all(event.repetition for event in held):
            largest = max((number for _, number in used), default=0)
            again = used.intersection((event.name, event.repetition) for event in held)
            shift = largest if again else 0
            ordered = [
                event if event.is_bad else dataclasses.replace(event, repetition=event.repetition + shift)
                for event in ordered
            ]
        else:
            counts = Counter({name: max(n for other, n in used if other == name) for name, _ in used})
            for index, event in enumerate(ordered):
                if not event.is_bad:
                    counts[event.name] += 1
                    ordered[index] = dataclasses.replace(event, repetition=counts[event.name])
        used |= {(event.name, event.repetition) for event in ordered if not event.is_bad}
        result.append(ordered)
    return result


def label(
    events: Iterable[Event], samples: int, movement_names: Sequence[str], *, to_sample: Callable[[float], int]
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Returns the labels of a file's samples.

    Args:
        events: its events, numbered.
        samples: N samples.
        movement_names: the classes; events of other names are left out.
        to_sample: returns the number of the first sample at or after a time in seconds.

    Returns:
        Movement and repetition `[N]` int16, and notes on events that the file ends before.
    """
    movement = np.full(samples, UNLABELLED, np.int16)
    repetition = np.zeros(samples, np.int16)
    classes = {name: index for index, name in enumerate(movement_names)}
    late = 0
    bad: list[slice] = []
    for event in events:
        start = max(to_sample(event.start_s), 0)
        stop = samples if math.isinf(event.stop_s) else min(to_sample(event.stop_s), samples)
        if event.is_bad:
            bad.append(slice(start, stop))
        elif start >= samples:
            late += 1
        elif event.name in classes:
            movement[start:stop], repetition[start:stop] = classes[event.name], event.repetition
    for part in bad:
        movement[part], repetition[part] = UNLABELLED, 0
    notes = [f"it ends before {late} of its movements: was the recording cut off?"] if late else []
    return movement, repetition, notes
