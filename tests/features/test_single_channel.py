"""Features against SciPy, against numbers worked out by hand, and their two forms against each other."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
import scipy.stats
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from finjax import features
from finjax.data.sliding import window_features, window_sums
from finjax.errors import ConfigError

pytestmark = pytest.mark.numerics

PAPER = ("ent", "rms", "var", "ssi")
rng = np.random.default_rng(0)
WINDOW = rng.standard_t(4, size=300).astype(np.float32)  # heavy tails, as in sEMG

# One window, small enough to do by hand.
HAND = np.array([1.0, -2.0, 3.0, 2.0], np.float32)
BY_HAND = {
    "rms": np.sqrt(18 / 4),
    "var": 3.5,  # mean 1; deviations 0, −3, 2, 1
    "ssi": 18.0,
    "mav": 2.0,
    "smyop": (0.9640276 + 2 * 0.9993293 + 0.9999877) / 4,  # tanh of 2, 4, 6 and 4, from a table
    "wl": 3.0 + 5.0 + 1.0,
    "zc": 2.0,
    "ssc": 2.0,  # −2 is a valley, 3 a peak
    "skew": ((-27 + 8 + 1) / 4) / 3.5**1.5,
    "kurt": ((81 + 16 + 1) / 4) / 3.5**2,
    "logvar": np.log(3.5),
    "logstd": np.log(3.5) / 2,
    "logstd_d1": np.log(35 / 3 - 1 / 9) / 2,  # Δx −3, 5, −1: mean of squares 35/3, mean 1/3
    "logstd_d2": np.log(7.0),  # Δ²x 8, −6: 7 to either side of their mean
    "ent": scipy.stats.entropy(scipy.special.softmax(np.array([1.0, -2.0, 3.0, 2.0]))),
}


def test_every_registered_feature_has_a_value_by_hand():
    assert set(BY_HAND) == set(features.feature_names())


@pytest.mark.parametrize("name", BY_HAND)
def test_value_by_hand(name):
    # Some tens of operations, with an error of ε = 1.2e-7 each.
    np.testing.assert_allclose(features.get_feature(name).direct(HAND), BY_HAND[name], rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("ent", lambda x: scipy.stats.entropy(scipy.special.softmax(x, axis=-1), axis=-1)),
        ("skew", lambda x: scipy.stats.skew(x, axis=-1)),
        ("kurt", lambda x: scipy.stats.kurtosis(x, axis=-1, fisher=False)),
        ("var", lambda x: np.var(x, axis=-1)),
        ("logstd", lambda x: np.log(np.std(x, axis=-1))),
        ("logstd_d1", lambda x: np.log(np.std(x[..., 1:] - x[..., :-1], axis=-1))),
        ("logstd_d2", lambda x: np.log(np.std(x[..., 2:] - 2 * x[..., 1:-1] + x[..., :-2], axis=-1))),
    ],
)
def test_equals_scipy_on_a_batch(name, reference):
    x = rng.standard_t(4, size=(3, 5, 600))
    value = features.get_feature(name).direct(jnp.asarray(x, jnp.float32))
    assert value.shape == (3, 5)
    # 600 terms of both signs, each with an error of ε = 1.2e-7 of it: less than 600 ε.
    np.testing.assert_allclose(value, reference(x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", features.feature_names())
def test_is_jittable_and_finite_on_flat_and_extreme_windows(name):
    direct = jax.jit(features.get_feature(name).direct)
    windows = jnp.stack([jnp.zeros(64), jnp.full(64, 5.0), jnp.zeros(64).at[7].set(300.0)])
    assert np.isfinite(direct(windows)).all()


def test_entropy_of_a_flat_window_is_the_logarithm_of_its_length():
    np.testing.assert_allclose(features.ent(jnp.full(600, 3.0)), np.log(600), rtol=1e-6)


@pytest.mark.parametrize("name", features.feature_names())
@settings(max_examples=8)
@given(
    framing=st.sampled_from([(60, 20), (61, 7), (300, 300)]),  # other sizes would be compiled again
    seed=st.integers(0, 2**32 - 1),
    scale=st.sampled_from([0.1, 1.0, 3.0]),
    # 25 deviations: beside e^25, a difference of running sums would lose digits of e^0.
    spikes=st.dictionaries(st.integers(0, 899), st.sampled_from([-25.0, 15.0, 25.0]), max_size=3),
    flat=st.booleans(),
)
def test_running_sums_equal_the_direct_form(name, framing, seed, scale, spikes, flat):
    length, step = framing
    signal = (scale * np.random.default_rng(seed).standard_t(3, size=900)).astype(np.float32)
    signal[400:420] = 0.0 if flat else signal[400:420]
    signal[[*spikes]] = [*spikes.values()]
    starts = np.arange(0, 900 - length + 1, step)
    feature = features.get_feature(name)
    windows = np.stack([signal[s : s + length] for s in starts])  # [n, T]
    with jax.enable_x64(True):  # the direct form itself, without float32's rounding
        expected = np.asarray(feature.direct(jnp.asarray(windows.astype(np.float64))))
    for unit in {1, math.gcd(step, length)}:
        values = window_features(signal, starts, length=length, feature=feature, unit=unit)
        np.testing.assert_allclose(values, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", PAPER)
def test_running_sums_equal_the_direct_form_in_float32(name):
    signal = rng.standard_t(4, size=5000).astype(np.float32)
    starts = np.arange(0, 4400, 20)
    feature = features.get_feature(name)
    values = window_features(signal, starts, length=600, feature=feature)
    windows = np.stack([signal[s : s + 600] for s in starts])
    # 600 terms: less than 600 ε = 7e-5. After a spike the entropy is near 0, a difference of terms near 1: hence atol.
    np.testing.assert_allclose(values, feature.direct(windows), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("height", [705.0, 1300.0, 1600.0])
def test_entropy_is_right_beyond_the_range_of_float64_exponentials(height):
    signal = np.zeros(800, np.float32)
    signal[100] = height  # a spike
    signal[450:550] = height  # a plateau
    values = window_features(signal, np.array([0, 200, 400]), length=200, feature=features.get_feature("ent"))
    np.testing.assert_allclose(values, [0.0, np.log(200), np.log(100)], atol=1e-5)  # in float64, rounded once


@pytest.mark.parametrize("name", ["skew", "kurt"])
def test_moments_of_a_flat_window_are_0_in_both_forms(name):
    signal = np.full(300, 15.1, np.float32)  # whose mean float32 cannot hold exactly
    feature = features.get_feature(name)
    assert feature.direct(signal) == 0
    assert window_features(signal, np.array([0]), length=300, feature=feature) == 0


@pytest.mark.parametrize("name", ["logstd", "logstd_d1", "logstd_d2"])
def test_log_deviation_of_a_flat_window_is_the_floor_in_both_forms(name):
    signal = np.full(300, 15.1, np.float32)
    feature = features.get_feature(name)
    floor = np.log(features.FLAT_VARIANCE) / 2
    np.testing.assert_allclose(feature.direct(signal), floor, rtol=1e-6)
    np.testing.assert_allclose(window_features(signal, np.array([0]), length=300, feature=feature), floor, rtol=1e-6)


def test_log_deviations_of_a_sine_give_hjorths_mobility_and_complexity():
    # Each difference scales a sine of ω per sample by 2 sin(ω/2); one sine has the complexity 1.
    omega = 2 * np.pi / 50
    sine = jnp.asarray(np.sin(omega * np.arange(10_000)), jnp.float32)
    l0, l1, l2 = (features.get_feature(name).direct(sine) for name in ("logstd", "logstd_d1", "logstd_d2"))
    np.testing.assert_allclose(np.exp(2 * l0), 0.5, rtol=1e-3)  # activity
    np.testing.assert_allclose(np.exp(l1 - l0), 2 * np.sin(omega / 2), rtol=1e-3)  # mobility
    np.testing.assert_allclose(np.exp(l2 - 2 * l1 + l0), 1.0, rtol=1e-3)  # complexity


def test_window_sums_of_small_terms_are_accurate_beside_a_large_term():
    terms = np.full(1000, 1e-12)
    terms[0] = 1e12
    starts = np.arange(1, 900)
    np.testing.assert_allclose(window_sums(terms, starts, 100), 1e-10, rtol=1e-12)


@given(seed=st.integers(0, 2**32 - 1), size=st.integers(1, 300), length=st.integers(1, 80), unit=st.integers(1, 25))
def test_window_sums_equal_direct_sums(seed, size, length, unit):
    assume(length <= size)
    terms = np.random.default_rng(seed).lognormal(sigma=5, size=size)
    starts = np.arange(0, size - length + 1, unit)
    sums = window_sums(terms, starts, length, unit=unit)
    np.testing.assert_allclose(sums, [terms[s : s + length].sum() for s in starts], rtol=1e-12)


def test_a_users_feature_joins_the_registry(monkeypatch):
    monkeypatch.setattr(features.registry, "_REGISTRY", dict(features.registry._REGISTRY))
    peak = features.Feature(
        name="mean",
        label="mean",
        direct=lambda x: jnp.mean(x, axis=-1),
        terms=lambda x: [x],
        finish=lambda sums, length: sums[0] / length,
    )
    assert features.register(peak) is features.get_feature("mean")
    with pytest.raises(ValueError, match="already registered"):
        features.register(peak)


def test_an_unknown_feature_is_refused_by_name():
    with pytest.raises(ConfigError, match="unknown feature 'rsm'.*known are ent, rms"):
        features.get_feature("rsm")
