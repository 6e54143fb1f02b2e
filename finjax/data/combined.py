"""Combines what several processes read: each reads a part of the subjects, and all get all subjects."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from finjax.data.recording import Recording
from finjax.data.sketches import SIZE
from finjax.data.splits import Split
from finjax.data.windows import RecordingSummary, SignalStore
from finjax.errors import DataError
from finjax.system import processes


def gather_summaries(
    recordings: Sequence[Recording], bad: Mapping[int, str], *, split: Split
) -> tuple[list[RecordingSummary], dict[int, str]]:
    """Returns the summaries of the recordings of all processes, and why the other subjects could not be read.

    Args:
        recordings: those that this process read.
        bad: the subjects that this process could not read, and why.
        split: the subjects of all processes.

    Raises:
        DataError: the processes do not see the same subjects.
    """
    if processes.count() == 1:
        return [RecordingSummary.of(recording) for recording in recordings], dict(bad)
    own = {
        "split": repr(split),
        "bad": {str(subject): why for subject, why in bad.items()},
        "summaries": [_to_json(RecordingSummary.of(recording)) for recording in recordings],
    }
    everyone = [json.loads(text) for text in processes.gather_texts(json.dumps(own))]
    for index, other in enumerate(everyone):
        if other["split"] != everyone[0]["split"]:
            raise DataError(
                f"process {index} finds other subjects than process 0 ({other['split']}, not {everyone[0]['split']}): "
                "--config.data.dir must have the same files on all hosts"
            )
    summaries = [_from_json(summary) for other in everyone for summary in other["summaries"]]
    return summaries, {int(subject): why for other in everyone for subject, why in other["bad"].items()}


def share_samples(store: SignalStore) -> None:
    """Fills in the samples of the subjects that other processes read."""
    if processes.count() == 1:
        return
    lengths = np.bincount(store.segments[:, 2], np.diff(store.segments[:, :2]).ravel(), len(store.subjects))
    ends = np.concatenate([[0], np.cumsum(lengths)]).astype(int)  # where the samples of each subject end
    processes.exchange_columns(store.samples, [int(ends[stop]) for stop in processes.part_stops(len(store.subjects))])


def _to_json(summary: RecordingSummary) -> dict[str, Any]:
    arrays = {"segments": summary.segments.tolist(), "sketches": summary.sketches.tolist()}
    return dataclasses.asdict(summary) | arrays


def _from_json(fields: dict[str, Any]) -> RecordingSummary:
    fields = {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}
    segments = np.array(fields["segments"], np.int64).reshape(-1, 4)
    sketches = np.array(fields["sketches"], np.uint64).reshape(-1, SIZE)
    return RecordingSummary(**{**fields, "segments": segments, "sketches": sketches})
