"""Normalisers see nothing of the test repetitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finjax.data.normalise import fit_feature_normaliser, fit_signal_normaliser
from finjax.data.windows import SignalStore
from finjax.data.zscore import channel_statistics, z_score
from finjax.errors import DataError


def store_of(signal, segments):
    return SignalStore(
        samples=signal, segments=np.array(segments), subjects=(4, 9), dataset="mine", rate_hz=1000.0,
        channel_names=("a", "b"), movement_names=("m",),
    )  # fmt: skip


@pytest.fixture
def store():
    signal = np.random.default_rng(0).normal(3.0, 2.0, size=(2, 60)).astype(np.float32)
    return store_of(signal, [[0, 20, 0, 0, 1], [20, 30, 0, 0, 2], [30, 50, 1, 0, 1], [50, 60, 1, 0, 2]])


def test_statistics_are_those_of_each_subject_and_channel(store):
    fitted = fit_signal_normaliser(store, test_repetitions=(2,))
    np.testing.assert_array_equal(fitted.subjects, [4, 9])
    np.testing.assert_allclose(fitted.mean[1], store.samples[:, 30:50].mean(axis=1), rtol=1e-6)
    np.testing.assert_allclose(fitted.std[0], store.samples[:, 0:20].std(axis=1), rtol=1e-6)


def test_test_repetitions_do_not_matter(store):
    before = fit_signal_normaliser(store, test_repetitions=(2,))
    store.samples[:, 20:30] = 1e6
    after = fit_signal_normaliser(store, test_repetitions=(2,))
    np.testing.assert_array_equal(before.mean, after.mean)
    np.testing.assert_array_equal(before.std, after.std)


def test_a_flat_channel_is_centred_not_divided_by_nothing(store):
    store.samples[1] = 7.0
    fitted = fit_signal_normaliser(store, test_repetitions=(2,))
    np.testing.assert_array_equal(fitted.std[:, 1], 1.0)
    np.testing.assert_array_equal(fitted.mean[:, 1], 7.0)


def test_a_subject_with_test_repetitions_only_is_refused(store):
    with pytest.raises(DataError, match="subject 4 has no repetition outside the test repetitions"):
        fit_signal_normaliser(store, test_repetitions=(1, 2))


@given(seed=st.integers(0, 2**32 - 1), scale=st.floats(1e-3, 1e6), centre=st.floats(-10, 10))
def test_standardised_features_have_mean_0_and_deviation_1_and_come_back(seed, scale, centre):
    values = (scale * (np.random.default_rng(seed).gamma(2.0, size=(50, 3)) + centre)).astype(np.float32)
    fitted = fit_feature_normaliser(values)
    z = fitted.standardise(values)
    np.testing.assert_allclose([z.mean(), z.std()], [0, 1], atol=1e-4)
    np.testing.assert_allclose(fitted.restore(z), values, rtol=1e-4, atol=1e-5 * scale)


@given(
    seed=st.integers(0, 2**32 - 1), scale=st.floats(1e-5, 1e5), offset=st.floats(-100, 100), limit=st.floats(0.5, 20)
)
def test_a_z_score_does_not_depend_on_gain_and_offset_and_keeps_its_limit(seed, scale, offset, limit):
    signal = np.random.default_rng(seed).normal(size=(2, 300)).astype(np.float32)
    moved = (scale * (signal + offset)).astype(np.float32)
    one, other = (z_score(s, *(x[:, None] for x in channel_statistics(s)), limit) for s in (signal, moved))
    assert np.abs(one).max() <= np.float32(limit)
    np.testing.assert_allclose(one, other, atol=1e-3)


def test_a_constant_feature_is_not_divided_by_0():
    assert fit_feature_normaliser(np.full((4, 2), 3.0, np.float32)).std == 1.0
