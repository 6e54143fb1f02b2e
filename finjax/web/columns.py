"""Signals as columns of a picture: least and greatest value of a few samples, so that short bursts stay visible."""

import base64

import numpy as np

COLUMNS_PER_SECOND = 100
SHOWN_S = 5.0
SHOWN = round(SHOWN_S * COLUMNS_PER_SECOND)


class Columns:
    """Turns a stream of samples into columns, and keeps those that nobody has taken yet.

    Args:
        channels: how many, C.
        rate_hz: samples per second of each channel.
        room: columns that may wait; if more come, the oldest are lost.

    Attributes:
        samples: how many make a column.
        seconds: the time that a column stands for.
    """

    def __init__(self, channels: int, rate_hz: float, *, room: int = SHOWN):
        self.samples = max(1, round(rate_hz / COLUMNS_PER_SECOND))
        self.seconds = self.samples / rate_hz
        self._room = room
        self._rest = np.zeros((0, channels), np.float32)
        self._waiting = np.zeros((0, channels, 2), np.float32)
        self._end = 0  # columns since the stream began

    def add(self, samples: np.ndarray) -> None:
        """Adds samples `[n, C]`."""
        samples = np.concatenate([self._rest, samples])
        whole = len(samples) // self.samples * self.samples
        self._rest = samples[whole:]
        if not whole:
            return
        groups = samples[:whole].reshape(-1, self.samples, samples.shape[1])
        found = np.stack([np.fmin.reduce(groups, axis=1), np.fmax.reduce(groups, axis=1)], axis=-1)
        self._waiting = np.concatenate([self._waiting, found])[-self._room :]
        self._end += len(found)

    def take(self) -> tuple[int, np.ndarray]:
        """Returns the number of the first waiting column, and the columns `[n, C, 2]`, least and greatest value.

        A value that is not finite is left out; NaN stands for a column without any other.
        """
        taken, self._waiting = self._waiting, self._waiting[:0]
        return self._end - len(taken), np.where(np.isfinite(taken), taken, np.float32(np.nan))


class Picture:
    """Keeps the newest columns of a stream for readers that each have seen some of them.

    Args:
        channels: how many, C.
        room: columns that are kept.
    """

    def __init__(self, channels: int, *, room: int = SHOWN):
        self._columns = np.full((room, channels, 2), np.nan, np.float32)
        self.end = 0  # number of the column after the newest

    def add(self, first: int, columns: np.ndarray) -> None:
        """Adds columns `[n, C, 2]`; `first` is the number of the first. Columns that were lost become NaN."""
        room = len(self._columns)
        lost = np.full((min(max(0, first - self.end), room), *columns.shape[1:]), np.nan, np.float32)
        kept = np.concatenate([self._columns, lost, columns])
        self._columns = kept[len(kept) - room :]
        self.end = first + len(columns)

    def since(self, seen: int) -> tuple[int, np.ndarray]:
        """Returns the number of the first column that is kept and was not seen, and the columns from there on."""
        first = max(seen, self.end - len(self._columns), 0)
        if first > self.end:  # the reader has seen another stream
            first = max(0, self.end - len(self._columns))
        return first, self._columns[len(self._columns) - (self.end - first) :]


def packed_columns(columns: np.ndarray) -> str:
    """Returns columns as text: little-endian float32 in base64, which a browser reads fast."""
    return base64.b64encode(columns.astype("<f4").tobytes()).decode()


def unpacked_columns(text: str, channels: int) -> np.ndarray:
    """Returns the columns `[n, C, 2]` of a text."""
    return np.frombuffer(base64.b64decode(text), "<f4").reshape(-1, channels, 2)
