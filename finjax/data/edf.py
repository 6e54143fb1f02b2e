"""Reads EDF, EDF+, BDF and BDF+ files, also those that end early because a recording was cut off."""

import dataclasses
import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from finjax.data.described import RATE_TOLERANCE
from finjax.data.events import Event, from_onsets
from finjax.data.units import factor, plain_unit
from finjax.errors import DataError, FinjaxError

SUFFIXES = (".edf", ".bdf")
CUT_OFF = "it was cut off: its last, incomplete record is left out"
DISCONTINUOUS = ("EDF+D", "BDF+D")
HEADER, SIGNALS, LABEL = 256, slice(252, 256), 16  # bytes of a header and of a name; where the header counts signals


@dataclasses.dataclass(frozen=True, kw_only=True)
class Channel:
    """One channel as the header describes it: its name, sampling rate and unit (empty: not known)."""

    name: str
    rate_hz: float
    unit: str


class EDFFile:
    """An EDF or BDF file.

    Args:
        path: the file.
        header_only: whether to read only what describes the channels.

    Raises:
        DataError: it is damaged, empty, or has gaps.
        FinjaxError: edfio is not installed.

    Attributes:
        channels: its channels, without annotations.
        notes: what was unusual.
    """

    def __init__(self, path: Path, *, header_only: bool = False):
        self._path = path
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                self._file = _reader(path)(_header(path) if header_only else path)
        except (OSError, FinjaxError):
            raise
        except Exception as error:  # edfio raises many errors for damaged bytes
            raise self._damaged(error) from error
        cut_off = any("Incomplete data record" in str(one.message) for one in caught)
        self.notes = [CUT_OFF] if cut_off else []
        if self._file.reserved in DISCONTINUOUS:
            raise DataError(f"{path} has gaps ({self._file.reserved}), which finjax cannot read: save it without gaps")
        if not header_only and not self._file.num_data_records:
            raise DataError(f"{path} has no samples: remove it, or copy it again from the original")
        self.channels = tuple(
            Channel(
                name=signal.label.strip(),
                rate_hz=float(signal.sampling_frequency),
                unit=plain_unit(signal.physical_dimension),
            )
            for signal in self._file.signals
        )

    def events(self) -> list[Event]:
        """Returns its annotations: movements with their durations, or else markers of their starts; and bad samples."""
        found = [(one.onset, one.duration, one.text.strip()) for one in self._annotations()]
        return from_onsets(
            Event(start_s=onset, stop_s=onset + (duration or 0.0), name=text) for onset, duration, text in found
        )

    def find(self, names: Sequence[str]) -> list[int]:
        """Returns the places in `channels` of these names, which may be longer than a header has room for.

        Raises:
            DataError: one is missing, or two cannot be told apart.
        """
        labels = [channel.name for channel in self.channels]
        stored = [name if name in labels else name[:LABEL].strip() for name in names]
        if missing := [name for name, short in zip(names, stored, strict=True) if short not in labels]:
            raise DataError(
                f"{self._path} has no channel {', '.join(missing)}; it has {', '.join(labels)}: "
                "correct the names in its channels.tsv"
            )
        if double := [short for short in dict.fromkeys(stored) if max(stored.count(short), labels.count(short)) > 1]:
            raise DataError(
                f"{self._path}: several channels have the name {', '.join(double)}, so they cannot be told apart (a "
                f"file keeps {LABEL} characters of a name): give each channel another name in the file and in "
                "channels.tsv"
            )
        return [labels.index(short) for short in stored]

    def read(self, names: Sequence[str], *, rate_hz: float, units: Sequence[str], wanted_unit: str) -> np.ndarray:
        """Returns the samples of some channels, `[N, C]` float32.

        Args:
            names: the channels, in order.
            rate_hz: sampling rate that they must have.
            units: unit of each channel.
            wanted_unit: unit of the result.

        Raises:
            DataError: a channel is missing or not the only one of its name, has another rate, or the file is damaged.
        """
        columns = []
        for name, place, unit in zip(names, self.find(names), units, strict=True):
            signal = self._file.signals[place]
            if abs(signal.sampling_frequency - rate_hz) > RATE_TOLERANCE * rate_hz:
                raise DataError(
                    f"{self._path}: channel {name} has {signal.sampling_frequency:.10g} Hz, but {rate_hz:.10g} Hz are "
                    "described: correct SamplingFrequency in its emg.json"
                )
            try:
                column = np.asarray(signal.data, np.float64)
            except (ValueError, IndexError) as error:
                raise self._damaged(error) from error
            columns.append((column * factor(unit, wanted_unit)).astype(np.float32))
        return np.stack(columns, axis=1)

    def _annotations(self) -> tuple[Any, ...]:
        try:
            return self._file.annotations
        except Exception as error:  # edfio raises many errors for damaged bytes
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> DataError:
        detail = (str(error).strip().splitlines() or [type(error).__name__])[0]
        return DataError(f"{self._path} is damaged or not an EDF file ({detail}): copy it again from the original")


def _reader(path: Path) -> Any:
    """Returns edfio's function that reads a file of this kind."""
    try:
        import edfio
    except ImportError as error:
        raise FinjaxError(
            "EDF and BDF files need edfio, which is not installed: pip install edfio, or in a checkout "
            "pip install '.[bids]'"
        ) from error
    return edfio.read_bdf if path.suffix.lower() == ".bdf" else edfio.read_edf


def _header(path: Path) -> io.BytesIO:
    """Returns the header of a file, without its samples."""
    with path.open("rb") as file:
        first = file.read(HEADER)
        return io.BytesIO(first + file.read(HEADER * int(first[SIGNALS])))
