"""Windows of recordings as an index of start positions; the windows themselves are not stored.

Windows of 300 ms every 10 ms overlap by 97 %: to store them would need thirty times the memory of the signal. Instead,
one array holds the labelled samples of all subjects, and a window is a position in it.
"""

import dataclasses
import mmap
from collections.abc import Sequence
from typing import Any

import numpy as np

from finjax.data.recording import Recording
from finjax.errors import DataError

# JAX reads a host array in place on all CPU devices if it starts at a multiple of this.
ALIGNMENT_BYTES = 64


@dataclasses.dataclass(frozen=True, kw_only=True)
class Framing:
    """How a segment is cut into windows, in samples.

    Attributes:
        length: samples in a window (T).
        step: samples from one window to the next.
        horizon: steps from a window to the window that it predicts; 0: the window itself.
    """

    length: int
    step: int
    horizon: int = 0

    @property
    def lead(self) -> int:
        """Samples from the start of a window to the start of the window that it predicts."""
        return self.horizon * self.step


@dataclasses.dataclass(frozen=True, kw_only=True)
class SignalStore:
    """The labelled samples of several recordings, concatenated.

    Attributes:
        samples: `[C, M]` float32; without unlabelled samples (rest); zeros fill the end (see `grid`).
        segments: `[G, 5]` int64: start, stop (both within `samples`), index of the subject in `subjects`,
            movement, repetition.
        subjects: subject numbers.
        dataset, rate_hz, channel_names, movement_names, unit: as in `Recording`.
    """

    samples: np.ndarray
    segments: np.ndarray
    subjects: tuple[int, ...]
    dataset: str
    rate_hz: float
    channel_names: tuple[str, ...]
    movement_names: tuple[str, ...]
    unit: str = ""

    def cut_out(self, windows: "Windows", *, length: int) -> np.ndarray:
        """Returns copies of a few windows, `[n, C, T]`; training gathers windows on the device instead."""
        return np.stack([self.samples[:, start : start + length] for start in windows.start])


def _aligned_empty(shape: tuple[int, ...]) -> np.ndarray:
    """Returns an uninitialised float32 array that starts at a multiple of `ALIGNMENT_BYTES`."""
    size = int(np.prod(shape)) * np.dtype(np.float32).itemsize
    buffer = np.empty(size + ALIGNMENT_BYTES, np.uint8)
    offset = -buffer.ctypes.data % ALIGNMENT_BYTES
    return buffer[offset : offset + size].view(np.float32).reshape(shape)


# Arrays up to this size take little memory; compiling a program for each of their sizes takes seconds.
COARSE = 2**20


def grid(size: int) -> int:
    """Rounds a size up, so that arrays of similar size share compiled programs: to a power of 2, or 16 per octave."""
    step = 1 << max(size.bit_length() - (1 if size <= COARSE else 5), 0)
    return -(-size // step) * step


def pad_to_grid(rows: np.ndarray) -> np.ndarray:
    """Repeats the last row of `[n, …]` up to `grid(n)` rows, for programs that read rows by index."""
    return np.concatenate([rows, np.repeat(rows[-1:], grid(len(rows)) - len(rows), axis=0)])


@dataclasses.dataclass(frozen=True, kw_only=True)
class RecordingSummary:
    """A recording without its signal.

    Attributes:
        segments: `[G, 4]`, see `Recording.segments`.
        subject, dataset, rate_hz, channel_names, movement_names, unit, notes, resembles, sketches: as in `Recording`.
    """

    segments: np.ndarray
    sketches: np.ndarray
    subject: int
    dataset: str
    rate_hz: float
    channel_names: tuple[str, ...]
    movement_names: tuple[str, ...]
    unit: str
    notes: tuple[str, ...]
    resembles: tuple[str, ...]

    @classmethod
    def of(cls, recording: Recording) -> "RecordingSummary":
        """Returns the summary of a recording."""
        same = (field.name for field in dataclasses.fields(cls) if field.name != "segments")
        return cls(segments=recording.segments(), **{name: getattr(recording, name) for name in same})

    @property
    def samples(self) -> int:
        """Number of labelled samples."""
        return int((self.segments[:, 1] - self.segments[:, 0]).sum())


def pack(recordings: Sequence[Recording], summaries: Sequence[RecordingSummary] = ()) -> SignalStore:
    """Copies the labelled segments of recordings of one dataset into one store.

    Args:
        recordings: the recordings.
        summaries: of all recordings of the store, if `recordings` are only some of them; the samples of the others
            are left empty. By default those of `recordings`.

    Raises:
        DataError: there is no recording or no labelled sample, or the recordings do not match.

    Example:
        >>> from finjax.data.synthetic import Settings, generate
        >>> recording = generate(1, Settings(movement_s=1.0, rest_s=0.5))
        >>> store = pack([recording])
        >>> len(store.segments), store.segments[0].tolist()  # the rest is left out
        (102, [0, 2000, 0, 0, 1])
    """
    summaries = summaries or [RecordingSummary.of(recording) for recording in recordings]
    if not summaries:
        raise DataError("no recordings to work on")
    first = summaries[0]
    for other in summaries[1:]:
        for field in ("dataset", "rate_hz", "channel_names", "movement_names", "unit"):
            if getattr(other, field) != getattr(first, field):
                raise DataError(
                    f"subjects {first.subject} and {other.subject} differ in {field}: "
                    f"{getattr(first, field)} and {getattr(other, field)}"
                )
    total = sum(summary.samples for summary in summaries)
    if not 0 < total < 2**31:
        raise DataError(f"{total} labelled samples; finjax can use 1 to {2**31 - 1}: select other subjects")

    samples = _aligned_empty((len(first.channel_names), grid(total)))
    samples[:, total:] = 0.0
    signals = {recording.subject: recording.signal for recording in recordings}
    packed, position = [], 0
    for index, summary in enumerate(summaries):
        signal = signals.get(summary.subject)
        for start, stop, movement, repetition in summary.segments:
            end = position + stop - start
            if signal is not None:
                samples[:, position:end] = signal[start:stop].T  # [n, C] → [C, n]
                _forget_pages(signal)
            packed.append((position, end, index, movement, repetition))
            position = end
    return SignalStore(
        samples=samples,
        segments=np.array(packed, np.int64),
        subjects=tuple(summary.subject for summary in summaries),
        dataset=first.dataset,
        rate_hz=first.rate_hz,
        channel_names=first.channel_names,
        movement_names=first.movement_names,
        unit=first.unit,
    )


def _forget_pages(array: np.ndarray) -> None:
    """Tells the system that the pages of a memory-mapped array need not stay in memory."""
    mapped = getattr(array, "_mmap", None)
    if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)


@dataclasses.dataclass(frozen=True)
class Windows:
    """An index of windows, one entry per window.

    Attributes:
        start: `[n]` int32, first sample within `SignalStore.samples`.
        subject: `[n]` int16, index into `SignalStore.subjects`.
        movement: `[n]` int16.
        repetition: `[n]` int16.
        segment: `[n]` int32, row of `SignalStore.segments`.
    """

    start: np.ndarray
    subject: np.ndarray
    movement: np.ndarray
    repetition: np.ndarray
    segment: np.ndarray

    def __len__(self) -> int:
        return len(self.start)

    def __getitem__(self, which: Any) -> "Windows":
        """Returns the windows that a mask, slice or index array selects."""
        return Windows(*(getattr(self, field.name)[which] for field in dataclasses.fields(self)))

    def spread(self, most: int) -> "Windows":
        """Returns at most `most` of the windows, evenly spaced over all of them."""
        if len(self) <= most:
            return self
        return self[evenly_spaced(len(self), most)]

    def later(self, samples: int) -> "Windows":
        """Returns windows that begin some samples later, such as those that are predicted."""
        return dataclasses.replace(self, start=self.start + samples)


def evenly_spaced(count: int, most: int) -> np.ndarray:
    """Returns the places of at most `most` of so many windows, evenly spaced over all of them."""
    return np.linspace(0, count - 1, min(most, count)).round().astype(int)


def count_windows(segments: np.ndarray, framing: Framing) -> np.ndarray:
    """Returns `[G]`: how many windows fit, with the window that they predict, into each segment `[start, stop, …]`."""
    spare = segments[:, 1] - segments[:, 0] - framing.length - framing.lead
    return np.maximum(spare // framing.step + 1, 0)


def index_windows(segments: np.ndarray, framing: Framing) -> Windows:
    """Lists the windows that lie, with the window that they predict, inside one segment.

    Args:
        segments: `[G, 5]` as in `SignalStore`.
        framing: window length, step and horizon.

    Raises:
        DataError: no segment is long enough.

    Example:
        >>> segments = np.array([[0, 1000, 0, 4, 1]])  # start, stop, subject, movement, repetition
        >>> index_windows(segments, Framing(length=600, step=200)).start.tolist()
        [0, 200, 400]
        >>> index_windows(segments, Framing(length=600, step=200, horizon=1)).start.tolist()
        [0, 200]
    """
    lengths = segments[:, 1] - segments[:, 0]
    counts = count_windows(segments, framing)
    if not counts.sum():
        raise DataError(
            f"no window fits: a window of {framing.length} samples that predicts {framing.lead} samples ahead needs "
            f"a segment of {framing.length + framing.lead}, and the longest has {lengths.max(initial=0)}; "
            "reduce --config.window or --config.prediction"
        )
    segment = np.repeat(np.arange(len(segments)), counts)
    first_of_segment = np.cumsum(counts) - counts
    number = np.arange(len(segment)) - first_of_segment[segment]  # 0, 1, … within each segment
    return Windows(
        start=(segments[segment, 0] + number * framing.step).astype(np.int32),
        subject=segments[segment, 2].astype(np.int16),
        movement=segments[segment, 3].astype(np.int16),
        repetition=segments[segment, 4].astype(np.int16),
        segment=segment.astype(np.int32),
    )
