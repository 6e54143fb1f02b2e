"""Writes BDF+ files while the samples arrive: what is written survives the end of the program.

BDF+ is EDF+ (https://www.edfplus.info/specs/edfplus.html) with 24 bits a sample. The libraries that write it need all
samples at once (edfio) or keep the annotations until the file is closed (EDFlib), so that a killed recording would
lose its labels; hence this writer. While it is open, the header says that the number of records is not known (-1).
Readers then count the records themselves.

A sample takes `RANGE / 8,388,607` of the unit: 0.05 uV at ±400 mV.
"""

import datetime
import time
from collections import deque
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from finjax.data.electrodes import with_gaps_held
from finjax.data.events import BAD
from finjax.errors import ConfigError, StorageError
from finjax.system.console import plain
from finjax.system.files import sync, whats_wrong

LONGEST_RECORD_S = 0.5
SYNC_S = 1.0  # the disk is asked to keep the data at most this often
LARGEST = 8_388_607  # of 24 bits; the lowest is -LARGEST, so that zero is exact
ANNOTATION_SAMPLES = 128  # of 3 bytes, in each record; a name has at most 60 characters of 4 bytes
LONGEST_NOTE = 3 * ANNOTATION_SAMPLES - 32  # bytes; the rest says when the record begins
ANNOTATIONS = "BDF Annotations "
LABEL_CHARACTERS = 16
COUNT_AT = 236  # byte of the header where the number of records is


class BDFWriter:
    """Writes one BDF+ file, a record of at most half a second at a time.

    Samples outside the range are clipped. Those that are not finite get the last finite value of their channel; the
    caller marks them with `annotate`.

    Args:
        path: the file, which must not exist.
        rate_hz: samples per second.
        labels: C channel names, see `labels_for`.
        unit: of the samples, such as `"uV"`; empty: not known.
        physical_max: the largest value; the lowest is its negative.
        started: when the recording began.

    Attributes:
        rate_hz: the rate of the file. It differs from the one asked for by two parts in a million at most, because
            the duration of a record has eight characters.
        samples: how many were taken, N.
        clipped: `[C]`, how many were clipped.
        lost: `[C]`, how many were not finite.

    Raises:
        StorageError: the file cannot be written.
        ConfigError: the range or the rate does not fit the header.
    """

    def __init__(
        self,
        path: Path,
        *,
        rate_hz: float,
        labels: Sequence[str],
        unit: str,
        physical_max: float,
        started: datetime.datetime,
    ):
        self._path, self._physical_max = path, float(limit_text(physical_max))
        self._record_samples, duration = record_of(rate_hz)
        self._duration_s = float(duration)
        self.rate_hz = self._record_samples / self._duration_s
        self.samples = self._records = 0
        self.clipped, self.lost = np.zeros(len(labels), np.int64), np.zeros(len(labels), np.int64)
        self._last = np.zeros(len(labels))
        self._pending = np.zeros((0, len(labels)), np.int32)
        self._annotations: deque[bytes] = deque()
        self._full, self._synced = False, time.monotonic()
        header = _header(
            labels,
            unit=unit,
            limit=limit_text(physical_max),
            record_samples=self._record_samples,
            duration=duration,
            started=started,
        )
        try:
            self._file = path.open("xb", buffering=0)
        except OSError as error:
            raise self._failed(error) from error
        try:
            self._write(header)
        except OSError as error:
            self._file.close()
            path.unlink()
            raise self._failed(error) from error
        self._data_at, self._record_bytes = len(header), 3 * (len(labels) * self._record_samples + ANNOTATION_SAMPLES)

    @property
    def written(self) -> int:
        """How many samples are in the file; at the end more than were taken, since the last record is filled up."""
        return self._records * self._record_samples

    def write(self, samples: np.ndarray) -> None:
        """Takes samples `[n, C]`, and writes every record that is complete."""
        self._pending = np.concatenate([self._pending, self._digital(np.asarray(samples, np.float64))])
        self.samples += len(samples)
        while len(self._pending) >= self._record_samples:
            self._write_record(self._pending[: self._record_samples])
            self._pending = self._pending[self._record_samples :]

    def annotate(self, onset_s: float, duration_s: float, text: str) -> None:
        """Writes a text about a time with one of the next records.

        Args:
            onset_s: since the first sample.
            duration_s: of the time.
            text: a line without control characters.
        """
        note = f"+{seconds_text(onset_s)}\x15{seconds_text(duration_s)}\x14{text}\x14\x00".encode()
        assert len(note) <= LONGEST_NOTE, text
        self._annotations.append(note)

    def close(self) -> None:
        """Writes what is left, and the number of records.

        The last record is filled up with the last value, and that part is annotated as bad. After a write that failed,
        only the records before it are kept.

        Raises:
            StorageError: the file cannot be written.
        """
        if self._file.closed:
            return
        try:
            while not self._full and (len(self._pending) or self._annotations):
                missing = self._record_samples - len(self._pending)
                start = self._records * self._record_samples + len(self._pending)
                self.annotate(start / self.rate_hz, missing / self.rate_hz, BAD)
                last = np.asarray(self._scaled(self._last), np.int32)[None]
                self._write_record(np.concatenate([self._pending, np.repeat(last, missing, axis=0)]))
                self._pending = self._pending[:0]
        finally:
            self._finish()

    def _finish(self) -> None:
        """Makes the file end with a whole record, and writes how many there are."""
        try:
            with self._file:
                self._file.truncate(self._data_at + self._records * self._record_bytes)
                self._file.seek(COUNT_AT)
                self._write(f"{self._records:<8}".encode())
                sync(self._file.fileno())
        except OSError as error:
            raise self._failed(error) from error

    def _digital(self, samples: np.ndarray) -> np.ndarray:
        """Returns the samples `[n, C]` as whole numbers of 24 bits."""
        finite = np.isfinite(samples)
        self.lost += np.count_nonzero(~finite, axis=0)
        samples = with_gaps_held(samples, finite, self._last)
        if len(samples):
            self._last = samples[-1]
        self.clipped += np.count_nonzero(np.abs(samples) > self._physical_max, axis=0)
        return self._scaled(samples).astype(np.int32)

    def _scaled(self, samples: np.ndarray) -> np.ndarray:
        return np.clip(np.rint(samples * (LARGEST / self._physical_max)), -LARGEST, LARGEST)

    def _write_record(self, samples: np.ndarray) -> None:
        """Writes samples `[record_samples, C]` with the annotations that fit."""
        data = np.ascontiguousarray(samples.T).astype("<i4").reshape(-1, 1).view(np.uint8)[:, :3].tobytes()
        notes = f"+{seconds_text(self._records * self._duration_s)}\x14\x14\x00".encode()  # says when the record begins
        while self._annotations and len(notes) + len(self._annotations[0]) <= 3 * ANNOTATION_SAMPLES:
            notes += self._annotations.popleft()
        try:
            self._write(data + notes.ljust(3 * ANNOTATION_SAMPLES, b"\x00"))
            if time.monotonic() - self._synced >= SYNC_S:
                sync(self._file.fileno())
                self._synced = time.monotonic()
        except OSError as error:
            self._full = True
            raise self._failed(error) from error
        self._records += 1

    def _write(self, content: bytes) -> None:
        while content:
            content = content[self._file.write(content) or 0 :]

    def _failed(self, error: OSError) -> StorageError:
        return StorageError(f"{self._path} cannot be written ({whats_wrong(error)})")


def record_of(rate_hz: float) -> tuple[int, str]:
    """Returns the samples of a record, and its duration in seconds as the header has it.

    The duration must fit eight characters, so that of all records from a quarter to half a second, the one is taken
    whose duration is rounded least.

    Raises:
        ConfigError: the rate is too low or too high.
    """
    if not 1 <= rate_hz <= 1e6:
        raise ConfigError(f"the source gives {rate_hz:g} samples a second; 1 to 1,000,000 can be recorded")
    most = max(1, int(LONGEST_RECORD_S * rate_hz))
    exact = Fraction(rate_hz).limit_denominator(10**6)

    def rounding(samples: int) -> Fraction:
        return abs(Fraction(f"{float(samples / exact):.6f}") * exact / samples - 1)

    samples = min(range(most, most // 2, -1), key=rounding)  # of equal ones the longest
    return samples, seconds_text(float(samples / exact))


def labels_for(channel_names: Iterable[str]) -> list[str]:
    """Returns a label for each channel: its name in at most 16 ASCII characters, and no label twice."""
    labels: list[str] = []
    for number, name in enumerate(channel_names, start=1):
        text = "".join(character for character in name if character.isascii() and character.isprintable())
        label = text.strip()[:LABEL_CHARACTERS].strip() or f"channel {number}"
        if label in labels or label == ANNOTATIONS.strip():
            ending = f"-{number}"
            label = label[: LABEL_CHARACTERS - len(ending)].strip() + ending
        labels.append(label)
    return labels


def limit_text(physical_max: float) -> str:
    """Returns the largest value as the header has it.

    Raises:
        ConfigError: the value and its negative do not fit eight characters.
    """
    text = np.format_float_positional(physical_max, precision=5, trim="-") if 0 < physical_max < 1e8 else ""
    if not text or len(text) > 7 or not float(text):
        raise ConfigError(f"--range={physical_max:g}: give the largest value of a sample, 0.00001 to 9999999")
    return text


def seconds_text(seconds: float) -> str:
    """Returns a time from 0 with microseconds, as `0.25`."""
    return f"{max(0.0, seconds):.6f}".rstrip("0").rstrip(".")


def _header(
    labels: Sequence[str], *, unit: str, limit: str, record_samples: int, duration: str, started: datetime.datetime
) -> bytes:
    """Returns the header: fields of fixed length, for each signal those of all signals in turn."""
    signals = len(labels) + 1
    month = "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC"[3 * started.month - 3 : 3 * started.month]  # in any locale
    day = f"{started.day:02}-{month}-{started.year}"
    fields = [
        ("X X X X", 80),  # the person: code, sex, birthdate, name, none of them told
        (f"Startdate {day} X X finjax", 80),
        (f"{started:%d.%m.%y}", 8),
        (f"{started:%H.%M.%S}", 8),
        (str(256 * (signals + 1)), 8),
        ("BDF+C", 44),
        ("-1", 8),
        (duration, 8),
        (str(signals), 4),
    ]
    dimension = "".join(map(plain, unit))[:8]
    fields += [(label, 16) for label in (*labels, ANNOTATIONS)]
    fields += [(kind, 80) for kind in (*["surface EMG electrode"] * len(labels), "")]
    fields += [(one, 8) for one in (*[dimension] * len(labels), "")]
    fields += [(one, 8) for one in (*[f"-{limit}"] * len(labels), "-1")]
    fields += [(one, 8) for one in (*[limit] * len(labels), "1")]
    fields += [(one, 8) for one in (*[str(-LARGEST)] * len(labels), str(-LARGEST - 1))]
    fields += [(str(LARGEST), 8)] * signals
    fields += [("", 80)] * signals  # filters: not known
    fields += [(str(count), 8) for count in (*[record_samples] * len(labels), ANNOTATION_SAMPLES)]
    fields += [("", 32)] * signals
    assert all(len(text) <= length for text, length in fields)
    return b"\xffBIOSEMI" + "".join(text.ljust(length) for text, length in fields).encode("ascii")
