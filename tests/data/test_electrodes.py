"""Flat and saturated electrodes: in raw signals, in envelopes, of fine and of coarse converters."""

import os
from pathlib import Path

import numpy as np
import pytest

from finjax.data import synthetic, three_dc
from finjax.data.electrodes import describe_faults, is_envelope
from finjax.realtime.electrodes import faults

SAMPLES = 20_000
RNG = np.random.default_rng(0)
RAW = RNG.normal(size=(SAMPLES, 1)).astype(np.float32)


def envelope(*, step=0.0024, every=8):
    """A rectified envelope in steps, that leaves its lower end in one of so many stretches of 400 samples."""
    effort = np.arange(SAMPLES) // 400 % every == 0
    smooth = np.abs(np.convolve(RNG.normal(size=SAMPLES), np.ones(20) / 20, "same"))
    return (step * np.maximum(1, np.round(effort * smooth / step)))[:, None]


def coarse(deviation):
    """The whole numbers of a converter of 8 bits."""
    return np.clip(np.round(RNG.normal(0, deviation, (SAMPLES, 1))), -128, 127)


LIVING = {
    "fine": RAW,
    "envelope": envelope(),
    "envelope that hardly moves": envelope(every=25),
    "coarse": coarse(20),
    "coarse and weak": coarse(0.6),
    "unsigned": (coarse(5) + 128).astype(np.uint8),
    "held for three samples each": np.repeat(RAW[: SAMPLES // 3], 3, axis=0),
}


@pytest.mark.parametrize("signal", LIVING.values(), ids=LIVING)
def test_living_electrodes_have_no_fault(signal):
    assert describe_faults([signal[: SAMPLES // 2], signal[SAMPLES // 2 :]], ["a"]) == []


FLAT = {
    "constant": np.full((SAMPLES, 1), 0.25),
    "zero": np.zeros((SAMPLES, 1)),
    "wavers by one step": np.round(RNG.random((SAMPLES, 1))) * 0.001,
    "an envelope that leaves the lower end a few times": np.where(RNG.random((SAMPLES, 1)) > 0.998, 0.5, 0.0024),
    "fell off": np.concatenate([RAW[:8000], np.full((SAMPLES - 8000, 1), 0.1, np.float32)]),
}


@pytest.mark.parametrize("signal", FLAT.values(), ids=FLAT)
def test_flat_electrodes_are_named(signal):
    assert describe_faults([signal], ["a"]) == ["flat electrodes: a"]


SATURATED = {
    "both ends": np.clip(RAW, -1.5, 1.5),
    "upper end": np.minimum(RAW, 1),
    "lower end": np.maximum(RAW, -1),
    "coarse": coarse(90),
    "upper end of an envelope": np.minimum(envelope(every=1), 0.24),
}


@pytest.mark.parametrize("signal", SATURATED.values(), ids=SATURATED)
def test_saturated_electrodes_are_named(signal):
    signal = np.repeat(signal, 2, axis=0)  # it stays there
    (note,) = describe_faults([signal], ["a"])
    assert note.startswith("saturated electrodes (share of samples that stay at an end): a (")


def test_an_envelope_is_never_negative_and_comes_near_zero():
    assert is_envelope([envelope()]) and is_envelope([np.abs(RAW)])
    assert not is_envelope([RAW]) and not is_envelope([coarse(5) + 512]) and not is_envelope([np.zeros((9, 1))])


def test_synthetic_recordings_have_no_fault():
    recording = synthetic.generate(1, synthetic.Settings(subjects=1, movement_s=0.8, rest_s=0.2))
    assert describe_faults([recording.signal], recording.channel_names) == []
    window = recording.signal[5000:5600].T
    assert faults(window, np.ones_like(window)) == {}


def window(*signals):
    return np.stack([signal[:60, 0] for signal in signals]).astype(np.float32)


def test_a_stream_has_the_faults_of_a_recording():
    raw = window(RAW, FLAT["constant"], np.repeat(np.clip(3 * RAW, -1, 1), 3, axis=0), coarse(20), RAW)
    finite = np.ones_like(raw)
    finite[4, 7] = 0
    assert faults(raw, finite) == {1: "flat", 2: "saturated", 4: "not finite"}


def test_an_envelope_at_rest_is_neither_flat_nor_saturated():
    active = np.linspace(0.0024, 0.8, 60)[:, None]
    resting = np.full((60, 1), 0.0024)
    beginning = np.where(np.arange(60)[:, None] < 50, 0.0024, active)
    raw = window(active, resting, beginning, np.round(active, 1))
    finite = np.ones_like(raw)
    assert faults(raw, finite, envelope=True) == {}
    finite[0, 0] = 0
    assert faults(raw, finite, envelope=True) == {0: "not finite"}


@pytest.mark.real_data("FINJAX_3DC_DIR")
def test_real_electrodes_have_no_fault():
    paths = sorted(Path(os.environ["FINJAX_3DC_DIR"]).rglob("Participant2/train/EMG/*_0_*.txt"))
    signals = [piece.signal for piece in three_dc.read(tuple(paths))]
    assert len(signals) == 11 and describe_faults(signals, [str(number) for number in range(10)]) == []
    raw = signals[3][:300].T
    assert faults(raw, np.ones_like(raw)) == {}
