"""Synthetic sEMG with the schema of Ninapro DB2, exercise B: finjax's default data.

A forearm has a ring of eight electrodes and four single ones. Each movement activates the muscles under them in a
pattern that all subjects share. Each subject adds a variation of the pattern, and has their own electrode placement,
channel gains, cross-talk, spectrum, reaction delays, fatigue over repetitions, noise floor and mains hum. The carrier
is band-limited noise with slowly varying power, as in a held contraction.
"""

import dataclasses

import numpy as np
import scipy  # loads its modules when they are used

from finjax.data.recording import UNLABELLED, Recording
from finjax.data.registry import Splits
from finjax.errors import DataError
from finjax.system.arithmetic import numpy_defaults

NAME = "synthetic"
RATE_HZ = 2000.0
UNIT = "mV"
RING = 8  # electrodes equally spaced around the forearm
CHANNEL_NAMES = (*(f"ring {i}" for i in range(1, RING + 1)), "flexor", "extensor", "biceps", "triceps")
MOVEMENT_NAMES = tuple(f"movement {i}" for i in range(1, 18))
REPETITIONS = 6
SPLITS = Splits(
    seen_subjects="1-4",
    train_repetitions="1,3,4",
    test_repetitions="2,5",
    seen_tune_repetitions="6",
    unseen_tune_repetitions="1,3,4,6",
)

EMG_BAND_HZ = (20.0, 450.0)
MAINS_HZ = 50.0
RAMP_S = 0.4  # rise and fall of an activation
STRONGEST = 1.2  # amplitude of a maximal contraction
TREMOR_HZ = 4.0  # how fast the power of a held contraction varies


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """How much to generate.

    Attributes:
        subjects: number of subjects.
        movement_s: seconds of each repetition of a movement.
        rest_s: seconds of rest after each repetition.
        seed: subject n of a seed is the same for any number of subjects.
    """

    subjects: int = 6
    movement_s: float = 4.0
    rest_s: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.subjects < 1 or self.movement_s < 2 * RAMP_S or self.rest_s < 0:
            raise DataError(
                f"synthetic data needs at least 1 subject, movements of {2 * RAMP_S:g} s or more and "
                f"rest of 0 s or more, not {self}"
            )


@numpy_defaults()
def generate(subject: int, settings: Settings) -> Recording:
    """Generates one subject's recording, deterministically.

    Args:
        subject: subject number, from 1.
        settings: how much to generate, and from which seed.

    Returns:
        12 channels at 2 kHz, 17 movements × 6 repetitions with rest between them, in millivolts.

    Example:
        >>> recording = generate(1, Settings(movement_s=1.0, rest_s=0.0))
        >>> recording.signal.shape, len(recording.movement_names)  # 17 movements × 6 repetitions × 2,000 samples
        ((204000, 12), 17)
    """
    rng = np.random.default_rng([settings.seed, subject])
    cue, movement, repetition = _protocol(settings)
    patterns = _subject_patterns(settings.seed, rng)
    envelope = _envelope(cue, patterns, settings, rng)  # [N, C]
    carrier = _carrier(len(cue), rng)  # [N, C]
    signal = (envelope * carrier) @ _crosstalk(rng)
    signal *= np.exp(rng.normal(0, 0.3, len(CHANNEL_NAMES))).astype(np.float32)  # electrode contact
    signal += _interference(len(cue), rng)
    return Recording(
        dataset=NAME,
        subject=subject,
        signal=(0.1 * signal).astype(np.float32),  # a strong contraction is about 0.1 mV
        movement=movement,
        repetition=repetition,
        rate_hz=RATE_HZ,
        channel_names=CHANNEL_NAMES,
        movement_names=MOVEMENT_NAMES,
        unit=UNIT,
    )


def _protocol(settings: Settings) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns trial number, movement and repetition of every sample; a movement's repetitions are consecutive."""
    active, rest = (round(s * RATE_HZ) for s in (settings.movement_s, settings.rest_s))
    trials = len(MOVEMENT_NAMES) * REPETITIONS
    trial = np.repeat(np.arange(trials), active + rest)
    moving = np.tile(np.arange(active + rest) < active, trials)
    movement = np.where(moving, trial // REPETITIONS, UNLABELLED).astype(np.int16)
    repetition = np.where(moving, trial % REPETITIONS + 1, 0).astype(np.int16)
    return trial, movement, repetition


def _subject_patterns(seed: int, rng: np.random.Generator) -> np.ndarray:
    """Returns how strongly each movement activates each channel of this subject, `[17, C]`."""
    shared = np.random.default_rng([seed, 0])  # the same for all subjects, which are numbered from 1
    movements = len(MOVEMENT_NAMES)
    centre = shared.uniform(0, 2 * np.pi, (movements, 2, 1))  # two active muscles each
    width = shared.uniform(1.0, 4.0, (movements, 2, 1))  # concentration on the ring
    effort = shared.uniform(0.3, 0.9, (movements, 2, 1))
    single = 0.1 + shared.gamma(2.0, 0.12, (movements, len(CHANNEL_NAMES) - RING))

    placement = rng.normal(0, 0.25)  # rotation of the sleeve, radians
    electrode = 2 * np.pi * np.arange(RING) / RING + placement
    own_centre = centre + rng.normal(0, 0.15, centre.shape)
    ring = 0.1 + (effort * np.exp(width * (np.cos(electrode - own_centre) - 1))).sum(axis=1)  # [17, RING]
    pattern = np.concatenate([ring, single], axis=1)
    return (pattern * np.exp(rng.normal(0, 0.25, pattern.shape))).astype(np.float32)


def _envelope(trial: np.ndarray, patterns: np.ndarray, settings: Settings, rng: np.random.Generator) -> np.ndarray:
    """Returns the amplitude of each channel over time, `[N, C]`: ramp, hold, ramp, with delays and fatigue."""
    trials = len(MOVEMENT_NAMES) * REPETITIONS
    number = np.arange(trials)
    channels = patterns.shape[1]
    seconds = (np.arange(len(trial)) % (len(trial) // trials)) / RATE_HZ  # since the trial's cue
    # As labels are refined, the remaining reaction delay is small and varies.
    onset = rng.uniform(0.0, 0.25, trials)
    duration = settings.movement_s - rng.uniform(0.0, 0.3, trials)
    rise = np.clip((seconds - onset[trial]) / RAMP_S, 0, 1)
    fall = np.clip((duration[trial] - seconds) / RAMP_S, 0, 1)
    profile = np.sin(0.5 * np.pi * np.minimum(rise, fall)) ** 2

    # Fatigue: the effort drifts over repetitions, differently in each channel, and every effort differs.
    drift = 1 + rng.normal(0.0, 0.04, channels) * (number % REPETITIONS)[:, None]
    effort = np.exp(rng.normal(0, 0.25, (trials, 1)) + rng.normal(0, 0.35, (trials, channels)))
    level = patterns[number // REPETITIONS] * drift * effort  # [trials, C]
    level = STRONGEST * np.tanh(level / STRONGEST)  # no muscle exceeds its maximal contraction
    return (level.astype(np.float32)[trial] * profile.astype(np.float32)[:, None]) + np.float32(0.03)


def _carrier(samples: int, rng: np.random.Generator) -> np.ndarray:
    """Returns band-limited noise `[N, C]`, of average power 1 that varies slowly."""
    channels = len(CHANNEL_NAMES)
    band = scipy.signal.butter(4, EMG_BAND_HZ, "bandpass", fs=RATE_HZ, output="sos")
    noise = np.asarray(scipy.signal.sosfilt(band, rng.standard_normal((samples, channels), np.float32), axis=0))
    # A one-pole low-pass sets the subject's median frequency.
    pole = rng.uniform(0.55, 0.8)
    noise = np.asarray(scipy.signal.lfilter([1 - pole], [1, -pole], noise, axis=0))
    noise /= noise.std(axis=0)

    coarse = round(RATE_HZ / (4 * TREMOR_HZ))
    knots = rng.standard_normal((samples // coarse + 3, channels))
    knots = scipy.signal.lfilter([0.6], [1, -0.8], knots, axis=0)
    wander = scipy.signal.resample_poly(knots, coarse, 1, axis=0)[coarse : coarse + samples]
    return (noise * np.exp(0.25 * wander)).astype(np.float32)


def _crosstalk(rng: np.random.Generator) -> np.ndarray:
    """Returns the mixing matrix `[C, C]`: neighbours on the ring pick up each other's muscles."""
    channels = len(CHANNEL_NAMES)
    mixing = np.eye(channels) + 0.03 * rng.uniform(0, 1, (channels, channels))
    for electrode in range(RING):
        neighbour = (electrode + 1) % RING
        mixing[electrode, neighbour] = rng.uniform(0.1, 0.3)
        mixing[neighbour, electrode] = rng.uniform(0.1, 0.3)
    return mixing.astype(np.float32)


def _interference(samples: int, rng: np.random.Generator) -> np.ndarray:
    """Returns amplifier noise plus mains hum `[N, C]`; strength and phase differ between channels."""
    channels = len(CHANNEL_NAMES)
    noise = rng.standard_normal((samples, channels), np.float32) * rng.uniform(0.01, 0.03, channels)
    cycle = 2 * np.pi * MAINS_HZ / RATE_HZ * np.arange(samples)
    phase = rng.uniform(0, 2 * np.pi, channels)
    strength = rng.uniform(0.005, 0.03, channels)
    hum = np.stack([np.sin(cycle), np.cos(cycle)], axis=1) @ (strength * [np.cos(phase), np.sin(phase)])
    return noise + hum  # strength · sin(cycle + phase), by the addition theorem
