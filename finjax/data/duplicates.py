"""Finds the same samples under different labels: files that were copied to another subject, repetition or movement."""

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np

from finjax.data.number_lists import format_numbers
from finjax.data.recording import Recording
from finjax.data.sketches import SIZE
from finjax.data.splits import Split
from finjax.data.windows import RecordingSummary
from finjax.errors import DataError

SHARED = SIZE // 2  # values of a sketch that two segments must share to count as the same samples
SHOWN = 2  # pairs that a message names
_COPIED = "A file was copied by mistake. Download the right file."


@dataclasses.dataclass(frozen=True, order=True)
class Segment:
    """The labels of a segment."""

    subject: int
    movement: int
    repetition: int

    def __str__(self) -> str:
        return f"subject {self.subject} movement {self.movement} repetition {self.repetition}"


Group = tuple[Segment, ...]  # segments with the same samples, ascending


def find(recordings: Iterable[Recording | RecordingSummary]) -> list[Group]:
    """Returns the groups of segments with the same samples but different labels.

    Args:
        recordings: recordings with sketches; those without are skipped.
    """
    names, sketches = [], []
    for recording in recordings:
        if not len(recording.sketches):
            continue
        table = recording.segments() if isinstance(recording, Recording) else recording.segments
        names += [Segment(recording.subject, int(movement), int(repetition)) for _, _, movement, repetition in table]
        sketches.append(recording.sketches)
    if not names:
        return []
    roots = _join(_pairs(np.concatenate(sketches)), len(names))
    groups: defaultdict[int, set[Segment]] = defaultdict(set)
    for segment, root in zip(names, roots, strict=True):
        groups[root].add(segment)
    return sorted(tuple(sorted(group)) for group in groups.values() if len(group) > 1)


def _pairs(sketches: np.ndarray) -> list[tuple[int, int]]:
    """Returns the pairs of rows of `[G, SIZE]` that share enough values."""
    row, _ = np.nonzero(sketches)
    values = sketches[sketches != 0]
    order = np.lexsort((row, values))
    values, row = values[order], row[order]
    borders = np.flatnonzero(np.diff(values)) + 1
    first = np.repeat(np.concatenate([[0], borders]), np.diff(np.concatenate([[0], borders, [len(values)]])))
    # Pair each row only with the first row of the same value, so that there are never more pairs than values.
    others = np.flatnonzero(first != np.arange(len(values)))
    counts = Counter(zip(row[first[others]].tolist(), row[others].tolist(), strict=True))
    return [pair for pair, count in counts.items() if count >= SHARED]


def _join(pairs: Sequence[tuple[int, int]], count: int) -> list[int]:
    """Returns for each of `count` rows the first row that it is connected to by pairs."""
    root = list(range(count))

    def root_of(row: int) -> int:
        while root[row] != row:
            root[row] = root[root[row]]
            row = root[row]
        return row

    for one, other in pairs:
        low, high = sorted((root_of(one), root_of(other)))
        root[high] = low
    return [root_of(row) for row in range(count)]


def describe(groups: Collection[Group]) -> list[str]:
    """Returns one line for each pair of subjects, or single subject, with the same samples."""
    pairs = defaultdict(list)
    for group in groups:
        for index, one in enumerate(group):
            for other in group[index + 1 :]:
                pairs[one.subject, other.subject].append((one, other))
    lines = []
    for (one, other), found in sorted(pairs.items()):
        who = f"subject {one}" if one == other else f"subjects {one} and {other}"
        listed = "; ".join(f"{a} = {b}" for a, b in found[:SHOWN])
        more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        count = "1 pair" if len(found) == 1 else f"{len(found)} pairs"
        lines.append(f"{who}: {count} of segments with the same samples: {listed}{more}")
    return lines


def refuse_leaks(groups: Collection[Group], split: Split) -> None:
    """Refuses a split that has the same samples in the training and the test part, or in seen and unseen subjects.

    Args:
        groups: as `find` returns them.
        split: the seen subjects, and the repetitions that are tested.

    Raises:
        DataError: names the segments, and the subjects to leave out.
    """
    leaks = [group for group in groups if _leaks(group, split)]
    if not leaks:
        return
    out = _fewest_subjects(leaks, split)
    kept = [subject for subject in split.subjects if subject not in out]
    listed = "\n".join(f"  {line}" for line in describe(leaks))
    remedy = f" Or leave {_subjects(out)} out: --config.data.subjects={format_numbers(kept)}" if kept else ""
    raise DataError(
        "the same samples are in the training and the test part, or belong to a seen and an unseen subject:\n"
        f"{listed}\n{_COPIED}{remedy}"
    )


def refuse_known(groups: Collection[Group], *, trained_on: Mapping[int, Collection[int]], split: Split) -> None:
    """Refuses to test a model on samples that it was trained on under another subject's name.

    An unseen subject must not share any samples with the subjects that the model was trained on.

    Args:
        groups: as `find` returns them.
        trained_on: by subject, the repetitions that the model, or the model that it started from, was trained on.
        split: of the tested subjects.

    Raises:
        DataError: names the segments, and the subjects to leave out.
    """
    known = [group for group in groups if _is_known(group, trained_on, split)]
    if known:
        out = {segment.subject for group in known for segment in group if segment.subject in split.subjects}
        listed = "\n".join(f"  {line}" for line in describe(known))
        raise DataError(
            f"{_subjects(out)} cannot test this model, which was trained on the same samples from files of another "
            f"subject:\n{listed}\n{_COPIED} Or leave {_subjects(out)} out (--config.data.subjects)"
        )


def _subjects(numbers: Collection[int]) -> str:
    """Returns `subject 7` or `subjects 7-9`."""
    return f"subject{'s' if len(numbers) > 1 else ''} {format_numbers(numbers)}"


def _is_known(group: Group, trained_on: Mapping[int, Collection[int]], split: Split) -> bool:
    own = [segment for segment in group if segment.subject in split.subjects]
    tested = any(
        segment.subject in split.unseen_subjects or segment.repetition in split.test_repetitions for segment in own
    )
    others = [segment for segment in group if segment.subject not in split.subjects]
    return tested and any(segment.repetition in trained_on.get(segment.subject, ()) for segment in others)


def _leaks(group: Group, split: Split) -> bool:
    sides = {side for segment in group if (side := _side(segment, split)) is not None}
    return len({fitted for _, fitted in sides}) > 1 or len({seen for seen, _ in sides}) > 1


def _side(segment: Segment, split: Split) -> tuple[bool, bool] | None:
    """Returns whether a segment's subject is seen, and whether models are fitted on it; None if nothing reads it."""
    if segment.subject not in split.subjects:
        return None
    seen = segment.subject in split.seen_subjects
    if segment.repetition in split.fitting_repetitions(segment.subject, part="pool"):
        return seen, True
    return (seen, False) if segment.repetition in split.test_repetitions else None


def _fewest_subjects(leaks: Collection[Group], split: Split) -> list[int]:
    """Returns a few subjects without which nothing leaks: repeatedly the subject that is in most groups."""
    out: set[int] = set()
    while True:
        left = [tuple(segment for segment in group if segment.subject not in out) for group in leaks]
        left = [group for group in left if _leaks(group, split)]
        if not left:
            return sorted(out)
        counts = Counter(subject for group in left for subject in {segment.subject for segment in group})
        # Prefer unseen subjects, so that the FINs of the seen subjects stay valid.
        out.add(max(counts, key=lambda subject: (counts[subject], subject in split.unseen_subjects, subject)))
