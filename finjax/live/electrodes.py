"""Finds faulty electrodes in the last samples of a stream."""

import dataclasses

import numpy as np

from finjax.data.electrodes import FEWEST_REPEATS, rail_share, stands_still, with_gaps_held
from finjax.live.ring import Ring

RAIL_SHARE = 0.2  # share of samples at the limit; in a short window a strong peak may touch it
LOST_SHARE = 0.1  # share of a window's samples that may be missing; with more, the channel is not decoded
STILL_S = 1.0  # without a change on any channel; in Ninapro DB1 all channels together rest for 0.3 s at most


@dataclasses.dataclass(frozen=True)
class Faults:
    """The faults of a window.

    Attributes:
        by_channel: `"not finite"`, `"flat"` or `"saturated"`, by channel.
        dead: the channels among them that give no signal; a few samples that are not finite do not count.
        has_signal: whether any channel gives a signal.
    """

    by_channel: dict[int, str]
    dead: list[int]
    has_signal: bool


class Electrodes:
    """Watches the samples of a stream, and replaces those that are not finite.

    Args:
        channels: how many, C.
        length: T, samples in a window.
        rate_hz: samples a second.
        envelope: whether the samples are rectified envelopes.
    """

    def __init__(self, channels: int, length: int, *, rate_hz: float, envelope: bool):
        self._raw, self._finite = Ring(channels, length), Ring(channels, length)
        self._length, self._envelope = length, envelope
        self._longest_still = max(length, round(STILL_S * rate_hz))
        self.clear()

    def clear(self) -> None:
        """Begins a new stream."""
        self._raw.clear()
        self._finite.clear()
        self._last: np.ndarray | None = None  # [C]
        self._still = 0  # samples in a row that are all the same, on all channels

    def take(self, samples: np.ndarray) -> np.ndarray:
        """Takes the next samples `[n, C]`, n from 1 to T; returns them with the last finite value in every gap."""
        before = np.zeros(samples.shape[1], np.float32) if self._last is None else self._last
        finite = np.isfinite(samples)
        samples = with_gaps_held(samples, finite, before)
        self._count_still(samples)
        self._raw.append(samples)
        self._finite.append(finite)
        self._last = samples[-1].copy()
        return samples

    def look(self) -> Faults:
        """Returns the faults of the last T samples."""
        lost = self._length - np.count_nonzero(self._finite.window(), axis=1)
        dead = dict.fromkeys(np.flatnonzero(lost > LOST_SHARE * self._length).tolist(), "not finite")
        dead = _standing(self._raw.window(), envelope=self._envelope) | dead
        if self._envelope and self._still >= self._longest_still:
            dead = dict.fromkeys(range(len(lost)), "flat") | dead
        found: dict[int, str] = dict.fromkeys(np.flatnonzero(lost).tolist(), "not finite") | dead
        return Faults(by_channel=found, dead=sorted(dead), has_signal=len(dead) < len(lost))

    def _count_still(self, samples: np.ndarray) -> None:
        before = np.full((1, samples.shape[1]), np.nan) if self._last is None else self._last[None]
        changed = np.flatnonzero((samples != np.concatenate([before, samples[:-1]])).any(axis=1))
        self._still = len(samples) - changed[-1] if len(changed) else self._still + len(samples)


def _standing(raw: np.ndarray, *, envelope: bool) -> dict[int, str]:
    """Returns which channels of a window are flat or saturated, as in a recording (`finjax.data.electrodes`).

    In an envelope, one window of one channel does not tell a dead electrode from rest, nor saturation from a slow
    peak, so that no fault is found.

    Args:
        raw: `[C, T]` samples, unfiltered; the last finite value in every gap.
        envelope: whether the samples are rectified envelopes.
    """
    found: dict[int, str] = {}
    if envelope:
        return found
    repeated = np.mean(raw[:, 1:] == raw[:, :-1], axis=1)
    for channel in np.flatnonzero(repeated > min(RAIL_SHARE, FEWEST_REPEATS)).tolist():
        if stands_still([raw[channel]]):
            found[channel] = "flat"
        elif rail_share([raw[channel]], envelope=False) > RAIL_SHARE:
            found[channel] = "saturated"
    return found
