"""Features between channels against NumPy and SciPy, by running sums too, and on windows that have no inverse."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
from rounding import assert_close

from finjax import features
from finjax.data.normalise import SignalNormaliser
from finjax.data.sliding import covariance_values
from finjax.data.windows import Framing, SignalStore, index_windows
from finjax.errors import ConfigError
from finjax.features.matrix_log import matrix_log
from finjax.features.spatial import FLAT_VARIANCE, LARGEST_CORRELATION, SHRINKAGE, covariance, regularised

pytestmark = pytest.mark.numerics

CHANNELS, SAMPLES = 5, 200
UPPER = np.triu_indices(CHANNELS)
PAIRS = np.triu_indices(CHANNELS, k=1)
rng = np.random.default_rng(0)
WINDOW = 0.1 * np.cumsum(rng.normal(size=(CHANNELS, SAMPLES)), axis=1) + rng.normal(size=(CHANNELS, 1))


def numpy_covariance(order: int) -> np.ndarray:
    return np.cov(np.diff(WINDOW, n=order, axis=1), ddof=0)


def values(name: str, covariances) -> np.ndarray:
    return np.asarray(features.find_feature(name).of_covariance(np.asarray(covariances, np.float32)))


@pytest.mark.parametrize("order", [0, 1, 2])
def test_the_covariance_is_that_of_numpy(order):
    found = covariance(WINDOW.astype(np.float32), order)
    assert_close(found, numpy_covariance(order), terms=SAMPLES)


@pytest.mark.parametrize("order", [0, 1, 2])
def test_features_of_a_covariance_are_those_of_numpy_and_scipy(order):
    matrix, suffix = numpy_covariance(order), f"_d{order}" if order else ""
    differences = np.diff(WINDOW, n=order, axis=1)
    np.testing.assert_allclose(values(f"cov{suffix}", matrix), matrix[UPPER], rtol=1e-6)
    correlations = np.corrcoef(differences)[PAIRS]
    np.testing.assert_allclose(values(f"corr{suffix}", matrix), np.arctanh(correlations), rtol=1e-4, atol=1e-5)
    of_pairs = np.log((differences[PAIRS[0]] - differences[PAIRS[1]]).std(axis=1))
    np.testing.assert_allclose(values(f"logstd_pairs{suffix}", matrix), of_pairs, rtol=1e-4, atol=1e-5)
    shrunk = (1 - SHRINKAGE) * matrix + (SHRINKAGE * np.trace(matrix) / CHANNELS + FLAT_VARIANCE) * np.eye(CHANNELS)
    logarithm = scipy.linalg.logm(shrunk)[UPPER] * np.where(UPPER[0] == UPPER[1], 1, np.sqrt(2))
    # float32 eigenvalues: an error of ε ‖Σ'‖ against the smallest, SHRINKAGE of the mean, or larger.
    np.testing.assert_allclose(values(f"logcov{suffix}", matrix), logarithm, atol=CHANNELS * 1.2e-7 / SHRINKAGE * 10)


@pytest.mark.parametrize("name", features.spatial_feature_names())
def test_features_of_many_windows_are_those_of_each(name):
    matrices = np.stack([[numpy_covariance(0), numpy_covariance(1)], [numpy_covariance(2), numpy_covariance(0)]])
    found = values(name, matrices)  # [2, 2, D]
    for place in np.ndindex(2, 2):
        np.testing.assert_allclose(found[place], values(name, matrices[place]), rtol=1e-4, atol=1e-4)


def test_distances_of_logcov_are_log_euclidean():
    one, other = (covariance(rng.normal(size=(CHANNELS, SAMPLES))) for _ in range(2))
    matrices = (scipy.linalg.logm(np.asarray(regularised(c), np.float64)) for c in (one, other))
    expected = np.linalg.norm(next(matrices) - next(matrices))
    assert np.linalg.norm(values("logcov", one) - values("logcov", other)) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("name", features.spatial_feature_names())
def test_degenerate_windows_have_finite_values_and_gradients(name):
    flat = np.zeros((CHANNELS, SAMPLES))
    one_flat, identical, clipped = WINDOW.copy(), WINDOW.copy(), WINDOW.copy()
    one_flat[2] = 0.0
    identical[3] = identical[1]
    clipped[0] = 15.0  # an electrode that has come off
    for window in (flat, one_flat, identical, clipped):
        matrix = jnp.asarray(np.cov(window, ddof=0), jnp.float32)
        assert np.isfinite(values(name, matrix)).all()
        if name.startswith("logcov"):
            gradient = jax.grad(lambda m: jnp.sum(features.find_feature(name).of_covariance(m)))(matrix)
            assert np.isfinite(gradient).all()


def test_the_correlation_of_identical_channels_is_limited():
    window = np.tile(WINDOW[:1], (2, 1))
    assert values("corr", np.cov(window, ddof=0)) == pytest.approx(np.arctanh(LARGEST_CORRELATION), rel=1e-4)


@pytest.mark.parametrize("spread", [0.0, 1e-6, 1e-4, 1e-2, 1.0])  # of the eigenvalues, around and above `CLOSE`
def test_the_derivative_of_the_logarithm_is_that_of_scipy(spread):
    vectors = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    matrix = vectors @ np.diag(1 + spread * np.arange(4)) @ vectors.T
    direction = rng.normal(size=(4, 4))
    direction += direction.T
    _, found = jax.jvp(matrix_log, (jnp.asarray(matrix, jnp.float32),), (jnp.asarray(direction, jnp.float32),))
    step = 1e-5  # central differences in float64
    logs = [scipy.linalg.logm(matrix + sign * step * direction) for sign in (1, -1)]
    np.testing.assert_allclose(found, (logs[0] - logs[1]) / (2 * step), atol=2e-3)


def toy_store() -> SignalStore:
    samples = rng.normal(size=(CHANNELS, 700)).astype(np.float32) + 3.0
    segments = np.array([[0, 330, 0, 0, 1], [330, 650, 1, 1, 1]])
    return SignalStore(
        samples=samples, segments=segments, subjects=(4, 7), dataset="toy", rate_hz=1000.0,
        channel_names=tuple("abcde"), movement_names=("rest", "grip"),
    )  # fmt: skip


@pytest.mark.parametrize("horizon", [0, 2])
def test_covariances_by_running_sums_are_those_of_each_window(horizon):
    store, framing = toy_store(), Framing(length=100, step=30, horizon=horizon)
    normaliser = SignalNormaliser(
        subjects=np.array(store.subjects),
        mean=np.full((2, CHANNELS), 3.0, np.float32),
        std=np.array([np.full(CHANNELS, 2.0), np.arange(1, CHANNELS + 1)], np.float32),
        limit=np.float32(2.0),
    )
    windows = index_windows(store.segments, framing)
    found = covariance_values(store, normaliser, windows, framing=framing, orders=(2, 0))
    later = dataclasses.replace(windows, start=windows.start + framing.lead)
    signals = store.cut_out(later, length=100)
    std = normaliser.std[windows.subject][..., None]
    signals = ((signals - 3.0) / std).clip(-2.0, 2.0)
    for place, order in enumerate((2, 0)):
        expected = np.stack([np.cov(np.diff(signal, n=order), ddof=0) for signal in signals])
        assert_close(found[:, place], expected, terms=100)


def test_a_feature_between_channels_is_no_target():
    with pytest.raises(ConfigError, match="'logcov' is one between channels"):
        features.get_feature("logcov")
