"""Zero-phase filters for one piece of signal."""

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy  # loads its modules when they are used

from finjax.data.registry import Filter
from finjax.errors import DataError

BUTTERWORTH_ORDER = 4  # of one pass; filtering forwards and backwards doubles it
NOTCH_QUALITY = 30.0  # centre frequency over the width at -3 dB: 1.7 Hz wide at 50 Hz


@np.errstate(under="ignore")  # tiny values become 0 in float32
def apply(filter: Filter, signal: np.ndarray, rate_hz: float) -> np.ndarray:
    """Filters forwards and backwards, so that the signal is not delayed.

    Args:
        filter: band edges and mains notch in Hz; an empty filter changes nothing.
        signal: `[N, C]` samples of one uninterrupted piece.
        rate_hz: sampling rate.

    Returns:
        `[N, C]` float32.

    Raises:
        DataError: a frequency is not between 0 and half the sampling rate, the band edges are
            in the wrong order, or the piece is too short to filter.
    """
    sections = design(filter, rate_hz)
    if not len(sections):
        return np.asarray(signal, np.float32)
    # SciPy's own default length of the reflected edge.
    pad = 3 * (2 * len(sections) + 1)
    if len(signal) <= pad:
        raise DataError(f"{len(signal)} samples are too few to filter; it needs more than {pad}")
    filtered = np.empty(signal.shape, np.float32)
    for channel in range(signal.shape[1]):  # one at a time: float64 copies of all would need much memory
        wide = signal[:, channel].astype(np.float64)
        filtered[:, channel] = scipy.signal.sosfiltfilt(sections, wide, padlen=pad)
    return filtered


@np.errstate(under="ignore")  # tiny values become 0 in float32
def design(filter: Filter, rate_hz: float) -> np.ndarray:
    """Returns the filter as `[sections, 6]` second-order sections; none for an empty filter.

    Raises:
        DataError: a frequency is not between 0 and half the sampling rate, or the edges are in the wrong order.
    """
    if fault := fault_of(filter, rate_hz, named="filter {}".format):
        raise DataError(fault)
    low, high = filter.highpass_hz, filter.lowpass_hz
    parts: list[Any] = [np.zeros((0, 6))]
    if low is not None or high is not None:
        kind = "bandpass" if None not in (low, high) else "lowpass" if low is None else "highpass"
        edges = [low, high] if kind == "bandpass" else high if low is None else low
        parts.append(scipy.signal.butter(BUTTERWORTH_ORDER, edges, kind, fs=rate_hz, output="sos"))
    if filter.notch_hz is not None:
        notch = scipy.signal.iirnotch(filter.notch_hz, NOTCH_QUALITY, fs=rate_hz)
        parts.append(scipy.signal.tf2sos(*notch))
    return np.concatenate(parts)


def fault_of(filter: Filter, rate_hz: float, *, named: Callable[[str], str]) -> str | None:
    """Returns why a filter is impossible at a sampling rate, or None if it is possible.

    Args:
        filter: the filter.
        rate_hz: sampling rate.
        named: returns the name of a field of the filter for the message.
    """
    for name in ("highpass_hz", "lowpass_hz", "notch_hz"):
        edge = getattr(filter, name)
        if edge is not None and not 0 < edge < rate_hz / 2:
            return (
                f"{named(name)}={edge:g} must lie above 0 and below {rate_hz / 2:g} Hz, "
                f"half the sampling rate of {rate_hz:g} Hz"
            )
    low, high = filter.highpass_hz, filter.lowpass_hz
    if low is not None and high is not None and low >= high:
        return f"{named('highpass_hz')}={low:g} must lie below {named('lowpass_hz')}={high:g}"
    return None


def describe(filter: Filter) -> str:
    """Returns the parts of a filter in words, such as `"high-pass 20 Hz, notch 50 Hz"`; `"none"` if it has none."""
    parts = {"high-pass": filter.highpass_hz, "low-pass": filter.lowpass_hz, "notch": filter.notch_hz}
    return ", ".join(f"{name} {hz:g} Hz" for name, hz in parts.items() if hz is not None) or "none"
