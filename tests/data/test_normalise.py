"""Normalisers see nothing of the test repetitions."""

import numpy as np
import pytest

from finjax.data.normalise import fit_feature_normaliser, fit_signal_normaliser
from finjax.data.windows import SignalStore
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


def test_standardised_features_have_mean_0_and_deviation_1_and_come_back():
    values = np.random.default_rng(0).gamma(2.0, 300.0, size=(50, 3)).astype(np.float32)
    fitted = fit_feature_normaliser(values)
    z = fitted.standardise(values)
    np.testing.assert_allclose([z.mean(), z.std()], [0, 1], atol=1e-5)
    np.testing.assert_allclose(fitted.restore(z), values, rtol=1e-5)


def test_a_constant_feature_is_not_divided_by_0():
    assert fit_feature_normaliser(np.full((4, 2), 3.0, np.float32)).std == 1.0
