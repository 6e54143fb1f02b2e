"""Recognises the folder of another dataset: one file may not show it, but all subjects together do."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from finjax.data.recording import Recording
from finjax.data.registry import get_spec
from finjax.data.windows import RecordingSummary

_Item = TypeVar("_Item")


def common_lookalikes(
    read: Sequence[Recording | RecordingSummary], others: Iterable[Recording | RecordingSummary]
) -> list[str]:
    """Returns the other datasets that every subject may be from, if all subjects together have all its movements.

    Args:
        read: the subjects that are used.
        others: further subjects of the same folder; read only while all so far may be from another dataset.
    """
    if not read:
        return []
    common = set(read[0].resembles)
    present: set[int] = set()
    for recording in _both(read, others):
        common &= set(recording.resembles)
        if not common:
            return []
        table = recording.segments() if isinstance(recording, Recording) else recording.segments
        present |= set(table[:, 2].tolist())
    return sorted(name for name in common if len(get_spec(name).movement_names) == len(present))


def _both(read: Sequence[_Item], others: Iterable[_Item]) -> Iterable[_Item]:
    """Yields all of the first before it reads any of the others."""
    yield from read
    yield from others
