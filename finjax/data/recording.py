"""One subject's recording: every dataset is loaded as this type."""

import dataclasses

import numpy as np

from finjax.data.sketches import EMPTY
from finjax.errors import DataError

UNLABELLED = -1  # movement of a sample outside all segments, such as Ninapro's rest between movements


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recording:
    """Surface EMG of one subject with its labels.

    `N` samples, `C` channels. A *segment* is a longest uninterrupted run of samples of one movement and one
    repetition; a window always lies inside one segment.

    Attributes:
        dataset: name of the dataset in the registry.
        subject: number of the subject within the dataset.
        signal: `[N, C]` float32, in the dataset's own unit.
        movement: `[N]` int16, index into `movement_names`, or `UNLABELLED`.
        repetition: `[N]` int16, counted from 1.
        rate_hz: sampling rate.
        channel_names: `C` names.
        movement_names: names of the classes.
        unit: unit of the signal, such as `"uV"`; empty: not known.
        notes: what was unusual about the files.
        resembles: names of other datasets that the files may be from (see `finjax.data.lookalikes`).
        sketches: `[G, SIZE]` uint64, a row for each segment of `segments()`, of its unfiltered samples (see
            `finjax.data.sketches`); no rows if unknown.
        piece_starts: sample indices where an uninterrupted piece of signal starts; the first is 0.
    """

    dataset: str
    subject: int
    signal: np.ndarray
    movement: np.ndarray
    repetition: np.ndarray
    rate_hz: float
    channel_names: tuple[str, ...]
    movement_names: tuple[str, ...]
    unit: str = ""
    piece_starts: tuple[int, ...] = (0,)
    notes: tuple[str, ...] = ()
    resembles: tuple[str, ...] = ()
    sketches: np.ndarray = dataclasses.field(default_factory=lambda: EMPTY)

    def __post_init__(self) -> None:
        who = f"subject {self.subject} of {self.dataset}"
        if self.signal.ndim != 2 or self.signal.dtype != np.float32:
            raise DataError(
                f"{who}: the signal must be float32 [samples, channels], not {self.signal.dtype} {self.signal.shape}"
            )
        samples, channels = self.signal.shape
        if channels != len(self.channel_names):
            raise DataError(f"{who}: {channels} channels, but {len(self.channel_names)} channel names")
        for name in ("movement", "repetition"):
            labels = getattr(self, name)
            if labels.shape != (samples,) or labels.dtype.kind != "i":
                raise DataError(
                    f"{who}: {name} must have one integer for each of the {samples} samples, "
                    f"not {labels.dtype} {labels.shape}"
                )
        if samples and not -1 <= self.movement.min() <= self.movement.max() < len(self.movement_names):
            raise DataError(
                f"{who}: movement indices are {self.movement.min()} to {self.movement.max()}; "
                f"allowed are {UNLABELLED} (unlabelled) and 0 to {len(self.movement_names) - 1}"
            )

    def segments(self) -> np.ndarray:
        """Returns `[G, 4]` int64: start, stop, movement and repetition of each labelled segment."""
        if not len(self.movement):
            return np.zeros((0, 4), np.int64)
        cut = np.zeros(len(self.movement), bool)
        cut[1:] = (np.diff(self.movement) != 0) | (np.diff(self.repetition) != 0)
        cut[list(self.piece_starts)] = True
        start = np.flatnonzero(cut)
        stop = np.append(start[1:], len(self.movement))
        table = np.stack([start, stop, self.movement[start], self.repetition[start]], axis=1)
        return table[self.movement[start] != UNLABELLED].astype(np.int64)
