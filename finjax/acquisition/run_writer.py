"""Writes one recording: samples, labels and what is known about them, so that a killed recording has them too."""

import dataclasses
import datetime
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from finjax.acquisition.bdf import BDFWriter, labels_for, seconds_text
from finjax.acquisition.bids import TASK, Folder, Person, write_sidecar, write_table
from finjax.acquisition.schedule import Finished
from finjax.data.bids_files import MISSING
from finjax.data.events import BAD
from finjax.sources.source import StreamInfo
from finjax.version import __version__

COLUMNS = ("onset", "duration", "trial_type", "repetition", "sample", "status")
EVENTS_S = 1.0  # bad spans are written at most this often
APART_S = 0.05  # bad spans closer than this are one: a record has room for about ten annotations
INSTRUCTIONS = "Hold each movement from its prompt until the prompt for rest."


@dataclasses.dataclass(frozen=True, kw_only=True)
class Setup:
    """What the person who records knows about the recording.

    Attributes:
        movements: in the order of the person who records.
        unit: of the samples; empty: not known.
        physical_max: the largest sample that can be written.
        mains_hz: frequency of the mains.
        reference: of the electrodes.
        placement: where and how the electrodes were placed.
        check: the electrode check by channel, see `finjax.acquisition.check`; empty: not done.
    """

    movements: Sequence[str]
    unit: str
    physical_max: float
    mains_hz: float
    reference: str = ""
    placement: str = ""
    check: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)


class RunWriter:
    """Writes the next run of a person.

    Args:
        folder: the folder of recordings.
        person: who is recorded.
        info: of the source.
        setup: what else is known.

    Attributes:
        path: of the samples.
        rate_hz: of the file, see `BDFWriter`.
        samples: how many were taken.
        bad_spans: samples that were lost, as first and last + 1.

    Raises:
        StorageError: a file cannot be written.
    """

    def __init__(self, folder: Folder, person: Person, info: StreamInfo, setup: Setup):
        self._stem, self._info, self._setup = folder.new_run(person), info, setup
        self.path = Path(f"{self._stem}_emg.bdf")
        self._labels = labels_for(info.channel_names)
        folder.create()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = BDFWriter(
            self.path,
            rate_hz=info.rate_hz,
            labels=self._labels,
            unit=setup.unit,
            physical_max=setup.physical_max,
            started=datetime.datetime.now(),
        )
        self.rate_hz = self._file.rate_hz
        self.bad_spans: list[tuple[int, int]] = []
        self._open: tuple[int, int] | None = None  # the last bad span, as long as it may grow
        self._finished: list[Finished] = []
        self._written_at = 0  # samples when the table of events was written
        self._unwritten = False  # whether there are bad spans that are not in the table
        try:
            folder.add_participant(person)
            self._write_events()
            self._write_channels()
            self._write_sidecar({})
        except BaseException:
            self._file.close()
            self.path.unlink(missing_ok=True)  # there is no sample in it
            raise

    @property
    def samples(self) -> int:
        """How many samples were taken."""
        return self._file.samples

    @property
    def clipped(self) -> dict[str, int]:
        """How many samples were outside the range, by channel."""
        return self._counts(self._file.clipped)

    @property
    def lost(self) -> dict[str, int]:
        """How many samples were not finite, by channel."""
        return self._counts(self._file.lost)

    def take(self, samples: np.ndarray) -> None:
        """Takes samples `[n, C]`; those that are not finite are marked as bad."""
        lost = np.flatnonzero(~np.isfinite(samples).all(axis=1))
        if len(lost):
            self.mark_bad(self.samples + int(lost[0]), self.samples + int(lost[-1]) + 1)
        self._file.write(samples)
        if self._open and (self._apart(self.samples, self._open) or self._open[1] - self._open[0] >= self.rate_hz):
            self._end_bad_span()
        if self._unwritten and self.samples - self._written_at >= EVENTS_S * self.rate_hz:
            self._write_events()

    def mark_bad(self, start: int, stop: int) -> None:
        """Marks samples as lost, from the first to before the last; they may come later."""
        start = max(0, start)
        if self._open and not self._apart(start, self._open):
            start = min(start, self._open[0])
            stop = max(stop, self._open[1])
        else:
            self._end_bad_span()
        self._open = (start, stop)

    def take_trials(self, finished: Sequence[Finished]) -> None:
        """Takes all movements that were held so far; writes those that are new or have another status now."""
        if list(finished) == self._finished:
            return
        for place, trial in enumerate(finished):
            known = self._finished[place] if place < len(self._finished) else None
            if known is None:
                self._annotate(trial, trial.movement)
            if trial.status != "good" and trial != known:
                self._annotate(trial, f"{BAD} {trial.status}")
        self._finished = list(finished)
        self._write_events()

    def close(self, problems: Mapping[str, int] | None = None) -> None:
        """Writes what is not written yet.

        Args:
            problems: what else was lost or wrong, and how often.

        Raises:
            StorageError: a file cannot be written.
        """
        self._end_bad_span()
        try:
            self._file.close()
        finally:
            if self._file.written > self.samples:
                self._add_bad_span(self.samples, self._file.written)
            if self._unwritten:
                self._write_events()
        ending = {
            "RecordingDuration": round(self._file.written / self.rate_hz, 6),
            "ClippedSamples": self.clipped,
            "LostSamples": self.lost,
            "Problems": dict(Counter(problems)),
        }
        self._write_sidecar(ending)

    def _annotate(self, trial: Finished, text: str) -> None:
        self._file.annotate(trial.start_s, trial.stop_s - trial.start_s, text)

    def _end_bad_span(self) -> None:
        if self._open is None:
            return
        (start, stop), self._open = self._open, None
        self._file.annotate(start / self.rate_hz, (stop - start) / self.rate_hz, BAD)
        self._add_bad_span(start, stop)

    def _add_bad_span(self, start: int, stop: int) -> None:
        if self.bad_spans and not self._apart(start, self.bad_spans[-1]):
            self.bad_spans[-1] = (self.bad_spans[-1][0], max(stop, self.bad_spans[-1][1]))
        else:
            self.bad_spans.append((start, stop))
        self._unwritten = True

    def _apart(self, start: int, span: tuple[int, int]) -> bool:
        """Returns whether a sample is so far behind a bad span that what begins there is another one."""
        return start - span[1] >= max(1, APART_S * self.rate_hz)

    def _write_events(self) -> None:
        rows: list[dict[str, Any]] = [
            {
                "onset": seconds_text(trial.start_s),
                "duration": seconds_text(trial.stop_s - trial.start_s),
                "trial_type": trial.movement,
                "repetition": trial.repetition,
                "sample": round(trial.start_s * self.rate_hz),
                "status": trial.status,
            }
            for trial in self._finished
        ]
        rows += [
            {
                "onset": seconds_text(start / self.rate_hz),
                "duration": seconds_text((stop - start) / self.rate_hz),
                "trial_type": BAD,
                "sample": start,
            }
            for start, stop in self.bad_spans
        ]
        write_table(Path(f"{self._stem}_events.tsv"), COLUMNS, sorted(rows, key=lambda row: row["sample"]))
        self._written_at, self._unwritten = self.samples, False

    def _write_channels(self) -> None:
        rows = [
            {
                "name": label,
                "type": "EMG",
                "units": self._setup.unit,
                "description": name,
                "sampling_frequency": f"{self.rate_hz:.9g}",
                "reference": self._setup.reference,
            }
            for label, name in zip(self._labels, self._info.channel_names, strict=True)
        ]
        write_table(Path(f"{self._stem}_channels.tsv"), list(rows[0]), rows)

    def _write_sidecar(self, ending: Mapping[str, Any]) -> None:
        """Writes what is known of the recording; `ending` is known only at its end."""
        setup = self._setup
        content = {
            "TaskName": TASK,
            "TaskDescription": "Movements of the hand, each held for some seconds after a prompt on a screen.",
            "Instructions": INSTRUCTIONS,
            "Movements": list(setup.movements),
            "SamplingFrequency": self.rate_hz,
            "PowerLineFrequency": setup.mains_hz,
            "EMGReference": setup.reference or MISSING,
            "EMGGround": MISSING,
            "EMGPlacementScheme": "Other",
            "EMGPlacementSchemeDescription": setup.placement or "not told",
            "SoftwareFilters": MISSING,
            "HardwareFilters": MISSING,
            "RecordingType": "continuous",
            "EMGChannelCount": len(self._labels),
            "ManufacturersModelName": self._info.name,
            "SoftwareVersions": f"finjax {__version__}",
            "PhysicalRange": [-setup.physical_max, setup.physical_max],
            "ElectrodeCheck": {name: dict(values) for name, values in setup.check.items()} or MISSING,
            **ending,
        }
        write_sidecar(Path(f"{self._stem}_emg.json"), content)

    def _counts(self, counts: np.ndarray) -> dict[str, int]:
        return {name: int(n) for name, n in zip(self._info.channel_names, counts, strict=True) if n}
