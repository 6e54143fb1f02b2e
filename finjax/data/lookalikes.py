"""A folder of one dataset that is taken for another: where one file does not tell, all subjects together do."""

from collections.abc import Iterable, Sequence

from finjax.data.recording import Recording
from finjax.data.registry import get_spec
from finjax.data.windows import RecordingSummary


def common_lookalikes(
    read: Sequence[Recording | RecordingSummary], others: Iterable[Recording | RecordingSummary]
) -> list[str]:
    """Returns the datasets that every subject may be of too, and of which all subjects together have every movement.

    Args:
        read: the subjects that are used.
        others: further subjects of the same folder; they are asked for only while all so far may be of another dataset.
    """
    if not read:
        return []
    common, present = set(read[0].resembles), set()
    for recording in _both(read, others):
        common &= set(recording.resembles)
        if not common:
            return []
        table = recording.segments() if isinstance(recording, Recording) else recording.segments
        present |= set(table[:, 2].tolist())
    return sorted(name for name in common if len(get_spec(name).movement_names) == len(present))


def _both(read: Sequence, others: Iterable) -> Iterable:
    """Yields the first before it asks for any of the others."""
    yield from read
    yield from others
