"""Checks the electrodes before a recording, from some seconds of rest and some of a strong contraction."""

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import scipy.signal

from finjax.acquisition.record import Ending, Front, lead
from finjax.acquisition.schedule import Finished, Session
from finjax.acquisition.trials import Timing, Trial
from finjax.data.electrodes import is_envelope, is_flat, rail_share
from finjax.sources.source import StreamInfo

REST, CONTRACTION = "rest", "strong fist"
READY_S = 3.0
LOWEST_HZ = 10.0  # below are drifts and the movement of cables
HUM_WIDTH_HZ = 2.0  # a spectrum of one second spreads a line over this on both sides
NEIGHBOURS_HZ = 6.0  # the muscles' own power at the mains frequency is that of its neighbourhood
SATURATED_SHARE = 0.02  # of samples at the limit; a strong peak may touch it
HUM_SHARE = 0.3  # of the power at rest
HUM_LEVEL = 0.2  # of the contraction; more hides weak movements
LEAST_RATIO = 3.0  # of contraction to rest; a good electrode reaches 10 and more
ADVICE = {
    "not finite": "the device sends no numbers: check the cable and the channel",
    "flat": "no signal: check the plug and the contact",
    "saturated": "at the limit of the device: lower its gain, check the reference electrode",
    "mains hum": "clean the skin, check the reference electrode, keep away from power supplies",
    "weak": "hardly stronger in contraction than at rest: press the electrode on, or move it onto the muscle",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Electrode:
    """What was found at one electrode.

    Attributes:
        name: of the channel.
        rest: level at rest, in the unit of the samples: root of the mean square above 10 Hz; mean of an envelope.
        contraction: level in the contraction.
        hum_share: share of the power at rest that lies at the mains frequency and its multiples; None: not measurable.
        fault: a key of `ADVICE`, or empty.
    """

    name: str
    rest: float
    contraction: float
    hum_share: float | None
    fault: str


class Collector:
    """Keeps samples and labels in memory: a sink for `lead`.

    Attributes:
        rate_hz: samples per second.
        samples: how many were taken.
    """

    def __init__(self, rate_hz: float):
        self.rate_hz, self.samples = rate_hz, 0
        self._chunks: list[np.ndarray] = []
        self._finished: list[Finished] = []

    def take(self, samples: np.ndarray) -> None:
        """See `Sink`."""
        self._chunks.append(samples)
        self.samples += len(samples)

    def mark_bad(self, start: int, stop: int) -> None:
        """See `Sink`: a lost sample does not matter here."""

    def take_trials(self, finished: Sequence[Finished]) -> None:
        """See `Sink`."""
        self._finished = list(finished)

    def of(self, movement: str) -> np.ndarray | None:
        """Returns the samples `[n, C]` of a movement; None if it was not held to the end."""
        for trial in self._finished:
            if trial.movement == movement and trial.status == "good":
                start, stop = (round(time_s * self.rate_hz) for time_s in (trial.start_s, trial.stop_s))
                return np.concatenate(self._chunks)[start:stop]
        return None


def check_electrodes(
    chunks: Iterator[np.ndarray],
    info: StreamInfo,
    front: Front,
    *,
    seconds: float,
    mains_hz: float,
    source_problems: Counter[str],
    idle_s: float,
) -> tuple[Ending, list[Electrode], float | None]:
    """Leads through the check.

    Args:
        chunks: iterator over the source.
        info: of the source.
        front: shows the prompts.
        seconds: of rest and of contraction, each.
        mains_hz: frequency of the mains.
        source_problems: see `lead`.
        idle_s: see `lead`.

    Returns:
        How it ended; what was found; and the strongest sample. If rest or contraction was skipped: nothing, and None.
    """
    sink = Collector(info.rate_hz)
    timing = Timing(ready_s=READY_S, hold_s=seconds, rest_s=0.0)
    session = Session([Trial(REST, 1), Trial(CONTRACTION, 1)], timing)
    ending = lead(chunks, session, sink, front, source_problems=source_problems, idle_s=idle_s)
    rest, contraction = sink.of(REST), sink.of(CONTRACTION)
    if not ending.complete or rest is None or contraction is None:
        return ending, [], None
    found = judge(rest, contraction, info.channel_names, rate_hz=info.rate_hz, mains_hz=mains_hz)
    strongest = np.abs(np.concatenate([rest, contraction]))
    return ending, found, float(strongest[np.isfinite(strongest)].max(initial=0.0))


def judge(
    rest: np.ndarray, contraction: np.ndarray, channel_names: Sequence[str], *, rate_hz: float, mains_hz: float
) -> list[Electrode]:
    """Returns what is found at each electrode.

    Args:
        rest: `[n, C]` samples at rest.
        contraction: `[n, C]` samples of a strong contraction of all muscles.
        channel_names: C names.
        rate_hz: samples per second.
        mains_hz: frequency of the mains.
    """
    finite = [np.nan_to_num(part, nan=0.0, posinf=0.0, neginf=0.0) for part in (rest, contraction)]
    envelope = is_envelope(finite)
    found = []
    for channel, name in enumerate(channel_names):
        pieces = [part[:, channel] for part in finite]
        if envelope:
            levels, hum_share, hum = [float(piece.mean()) for piece in pieces], None, 0.0
        else:
            spectra = [_spectrum(piece, rate_hz) for piece in pieces]
            levels = [float(np.sqrt(power.sum())) for _, power in spectra]
            hum_share = _hum_share(*spectra[0], mains_hz=mains_hz)
            hum = np.sqrt(hum_share or 0.0) * levels[0]
        fault = ""
        if not all(np.isfinite(part[:, channel]).all() for part in (rest, contraction)):
            fault = "not finite"
        elif is_flat(pieces, envelope=envelope):
            fault = "flat"
        elif rail_share(pieces, envelope=envelope) > SATURATED_SHARE:
            fault = "saturated"
        elif (hum_share or 0.0) > HUM_SHARE and hum > HUM_LEVEL * levels[1]:
            fault = "mains hum"
        elif levels[1] < LEAST_RATIO * levels[0]:
            fault = "weak"
        found.append(Electrode(name=name, rest=levels[0], contraction=levels[1], hum_share=hum_share, fault=fault))
    return found


def table(electrodes: Sequence[Electrode], *, unit: str) -> list[str]:
    """Returns the lines of a table of the electrodes, and below it what to do."""
    width = max(len("channel"), *(len(one.name) for one in electrodes))
    lines = [f"{'channel':{width}}  {'rest':>9}  {'fist':>9}  {'ratio':>6}  {'hum':>5}  verdict"]
    for one in electrodes:
        ratio = f"{one.contraction / one.rest:6.1f}" if one.rest else f"{'–':>6}"
        hum = f"{one.hum_share:5.0%}" if one.hum_share is not None else f"{'–':>5}"
        levels = f"{one.rest:9.3g}  {one.contraction:9.3g}"
        lines.append(f"{one.name:{width}}  {levels}  {ratio}  {hum}  {one.fault or 'good'}")
    lines.append(f"rest and fist: level{f' in {unit}' if unit else ''}; hum: share of the power at rest")
    faults = dict.fromkeys(one.fault for one in electrodes if one.fault)
    lines += [f"{fault}: {ADVICE[fault]}" for fault in faults]
    if 2 * sum(one.fault == "weak" for one in electrodes) > len(electrodes) > 1:
        lines.append("most channels did not become stronger: was the fist made when the prompt asked for it?")
    return lines


def _spectrum(samples: np.ndarray, rate_hz: float) -> tuple[np.ndarray, np.ndarray]:
    """Returns frequencies in Hz and the power of each, from 10 Hz on; the powers add up to the mean square."""
    length = min(len(samples), max(2, round(rate_hz)))
    frequencies, density = scipy.signal.welch(samples.astype(np.float64), rate_hz, nperseg=length)
    kept = frequencies >= LOWEST_HZ
    return frequencies[kept], density[kept] * (rate_hz / length)


def _hum_share(frequencies: np.ndarray, power: np.ndarray, *, mains_hz: float) -> float | None:
    """Returns the share of the power in lines at the mains frequency and its multiples."""
    if not len(frequencies) or frequencies[-1] < mains_hz + NEIGHBOURS_HZ or not power.sum():
        return None
    hum = 0.0
    for line_hz in np.arange(mains_hz, frequencies[-1] - HUM_WIDTH_HZ, mains_hz):
        away = np.abs(frequencies - line_hz)
        line, beside = away <= HUM_WIDTH_HZ, (away > HUM_WIDTH_HZ) & (away <= NEIGHBOURS_HZ)
        hum += max(0.0, power[line].sum() - np.count_nonzero(line) * float(np.median(power[beside])))
    return hum / float(power.sum())
