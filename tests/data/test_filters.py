import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import signal as scipy_signal

from finjax.data import filters
from finjax.data.registry import Filter
from finjax.errors import DataError

RATE_HZ = 1000.0
SECONDS = np.arange(4000) / RATE_HZ
MIDDLE = slice(1000, 3000)  # away from what the edges do


def tones(*frequencies):
    return np.stack([np.sin(2 * np.pi * f * SECONDS) for f in frequencies], axis=1)


def test_empty_filter_returns_the_signal_in_float32():
    signal = np.arange(6, dtype=np.int32).reshape(3, 2)
    out = filters.apply(Filter(), signal, RATE_HZ)
    assert out.dtype == np.float32
    np.testing.assert_array_equal(out, [[0, 1], [2, 3], [4, 5]])


def test_a_filter_is_described_by_its_parts():
    assert filters.describe(Filter()) == "none"
    assert filters.describe(Filter(highpass_hz=20.0, notch_hz=50.5)) == "high-pass 20 Hz, notch 50.5 Hz"


def test_highpass_equals_scipy_on_each_channel():
    signal = np.random.default_rng(0).normal(size=(500, 3)) + 100
    out = filters.apply(Filter(highpass_hz=20), signal, RATE_HZ)
    sections = scipy_signal.butter(4, 20, "highpass", fs=RATE_HZ, output="sos")
    expected = scipy_signal.sosfiltfilt(sections, signal, axis=0)
    assert out.dtype == np.float32 and out.shape == (500, 3)
    np.testing.assert_allclose(out, expected, atol=1e-4)


@pytest.mark.parametrize(
    ("settings", "kept", "removed"),
    [
        (Filter(highpass_hz=20), 100, 2),
        (Filter(lowpass_hz=100), 20, 400),
        (Filter(highpass_hz=50, lowpass_hz=150), 90, 5),
        (Filter(highpass_hz=50, lowpass_hz=150), 90, 450),
        (Filter(notch_hz=50), 60, 50),
        (Filter(highpass_hz=20, notch_hz=50), 100, 50),
    ],
)
def test_keeps_one_tone_without_delay_and_removes_the_other(settings, kept, removed):
    signal = tones(kept, removed)
    out = filters.apply(settings, signal, RATE_HZ)
    np.testing.assert_allclose(out[MIDDLE, 0], signal[MIDDLE, 0], atol=0.03)
    assert np.abs(out[MIDDLE, 1]).max() < 0.01


EDGES = st.none() | st.floats(5, 450)
FILTERS = st.builds(Filter, highpass_hz=EDGES, lowpass_hz=EDGES, notch_hz=st.none() | st.floats(50, 400)).filter(
    lambda f: f.highpass_hz is None or f.lowpass_hz is None or f.lowpass_hz > f.highpass_hz + 5
)


@given(settings=FILTERS, seed=st.integers(0, 2**32 - 1), factor=st.floats(-10, 10))
def test_filters_are_linear_and_work_on_each_channel_alone(settings, seed, factor):
    one, two = np.random.default_rng(seed).normal(size=(2, 300, 2))
    filtered = [filters.apply(settings, signal, RATE_HZ) for signal in (one, two, one + factor * two)]
    np.testing.assert_allclose(filtered[2], filtered[0] + factor * filtered[1], atol=1e-3)
    np.testing.assert_array_equal(filters.apply(settings, one[:, 1:], RATE_HZ), filtered[0][:, 1:])


@given(settings=FILTERS, seed=st.integers(0, 2**32 - 1))
def test_filters_have_no_direction_in_time(settings, seed):
    signal = np.zeros((4000, 1))
    signal[1900:2100, 0] = np.random.default_rng(seed).normal(size=200)  # away from what the edges do
    backwards = filters.apply(settings, signal[::-1], RATE_HZ)[::-1]
    np.testing.assert_allclose(filters.apply(settings, signal, RATE_HZ)[MIDDLE], backwards[MIDDLE], atol=1e-3)


@pytest.mark.parametrize("edge", [0.0, -1.0, 500.0, 501.0, float("nan")])
@pytest.mark.parametrize("name", ["highpass_hz", "lowpass_hz", "notch_hz"])
def test_refuses_an_edge_outside_the_spectrum(name, edge):
    with pytest.raises(DataError, match=f"filter {name}=.* must .* below 500 Hz"):
        filters.apply(Filter(**{name: edge}), np.zeros((100, 1)), RATE_HZ)


def test_refuses_a_reversed_band():
    with pytest.raises(DataError, match="filter highpass_hz=100 must lie below filter lowpass_hz=50"):
        filters.apply(Filter(highpass_hz=100, lowpass_hz=50), np.zeros((100, 1)), RATE_HZ)


def test_shortest_piece_is_one_sample_longer_than_the_reflected_edge():
    # Order 4 is two sections: 3 * (2 * 2 + 1) = 15 samples of padding.
    filters.apply(Filter(highpass_hz=20), np.zeros((16, 1)), RATE_HZ)
    with pytest.raises(DataError, match="15 samples are too few to filter; it needs more than 15"):
        filters.apply(Filter(highpass_hz=20), np.zeros((15, 1)), RATE_HZ)
