"""Flat and saturated electrodes: in raw signals, in envelopes, of fine and of coarse converters."""

import os
from pathlib import Path

import numpy as np
import pytest

from finjax.data import synthetic, three_dc
from finjax.data.electrodes import describe_faults, is_envelope
from finjax.live.electrodes import Electrodes, Faults

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
    assert note.startswith("saturated electrodes (share of samples at the limit): a (")


def test_an_envelope_is_never_negative_and_comes_near_zero():
    assert is_envelope([envelope()]) and is_envelope([np.abs(RAW)])
    assert not is_envelope([RAW]) and not is_envelope([coarse(5) + 512]) and not is_envelope([np.zeros((9, 1))])


def look(window, *, envelope=False) -> Faults:
    """Returns the faults of a stream that has just begun with a window [C, T] at 100 Hz."""
    electrodes = Electrodes(*window.shape, rate_hz=100.0, envelope=envelope)
    electrodes.take(window.T)
    return electrodes.look()


def test_synthetic_recordings_have_no_fault():
    recording = synthetic.generate(1, synthetic.Settings(subjects=1, movement_s=0.8, rest_s=0.2))
    assert describe_faults([recording.signal], recording.channel_names) == []
    assert look(recording.signal[5000:5600].T).by_channel == {}


def window(*signals):
    return np.stack([signal[:60, 0] for signal in signals]).astype(np.float32)


def test_a_stream_has_the_faults_of_a_recording():
    raw = window(RAW, FLAT["constant"], np.repeat(np.clip(3 * RAW, -1, 1), 3, axis=0), coarse(20), RAW)
    raw[4, 7] = np.nan
    assert look(raw).by_channel == {1: "flat", 2: "saturated", 4: "not finite"}
    assert look(raw).dead == [1, 2]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_few_lost_samples_are_a_fault_of_a_living_electrode(value):
    raw = window(*[RAW] * 4, FLAT["constant"])
    raw[1, 0] = raw[4, 5] = value
    raw[2, 20:26] = value  # a tenth
    raw[3, 20:27] = value
    found = look(raw)
    assert found.by_channel == {1: "not finite", 2: "not finite", 3: "not finite", 4: "flat"}
    assert found.dead == [3, 4] and found.has_signal
    raw[:, 30] = value
    assert look(raw).has_signal and look(raw).dead == [2, 3, 4]


def test_in_a_gap_the_last_finite_value_lasts():
    electrodes = Electrodes(2, 4, rate_hz=100.0, envelope=False)
    assert electrodes.take(np.array([[np.nan, 1], [2, np.inf]])).tolist() == [[0, 1], [2, 1]]
    assert electrodes.take(np.array([[np.nan, 3.0]])).tolist() == [[2, 3]]


def test_an_envelope_at_rest_is_neither_flat_nor_saturated():
    active = np.linspace(0.0024, 0.8, 60)[:, None]
    resting = np.full((60, 1), 0.0024)
    beginning = np.where(np.arange(60)[:, None] < 50, 0.0024, active)
    raw = window(active, resting, beginning, np.round(active, 1))
    assert look(raw, envelope=True).by_channel == {}
    raw[0, 3] = np.nan
    assert look(raw, envelope=True).by_channel == {0: "not finite"}


@pytest.mark.parametrize("chunk", [1, 7, 30])
def test_an_envelope_that_stands_still_on_all_electrodes_for_a_second_is_no_signal(chunk):
    moving = np.stack([np.linspace(0.1, 0.8, 35), *np.full((2, 35), 0.0024)])
    still = np.repeat(moving[:, -1:], 120, axis=1)
    still[2] = np.nan  # no signal either
    stream = np.concatenate([moving, still, moving], axis=1).T
    electrodes = Electrodes(3, 30, rate_hz=100.0, envelope=True)
    dead = []
    for start in range(0, len(stream), chunk):
        electrodes.take(stream[start : start + chunk])
        if start + chunk >= 30 and not electrodes.look().has_signal:
            dead.append(min(start + chunk, len(stream)))
            assert electrodes.look().by_channel == {0: "flat", 1: "flat", 2: "not finite"}
    # The last sample that moves is the first of the 100 that are the same.
    assert dead == [end for end in range(chunk, len(stream) + chunk, chunk) if 34 + 100 <= end <= 155]
    electrodes.clear()
    electrodes.take(stream[40:70])
    assert electrodes.look().has_signal


@pytest.mark.real_data("FINJAX_3DC_DIR")
def test_real_electrodes_have_no_fault():
    paths = sorted(Path(os.environ["FINJAX_3DC_DIR"]).rglob("Participant2/train/EMG/*_0_*.txt"))
    signals = [piece.signal for piece in three_dc.read(tuple(paths))]
    assert len(signals) == 11 and describe_faults(signals, [str(number) for number in range(10)]) == []
    assert look(signals[3][:300].T).by_channel == {}
