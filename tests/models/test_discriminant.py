"""Gaussian discriminants against densities written out with SciPy."""

import numpy as np
import pytest
import scipy.stats

from finjax.models.discriminant import OWN_COVARIANCE, UNSEEN_SCORE, empty_discriminant, fit_discriminant, scores

pytestmark = pytest.mark.numerics

rng = np.random.default_rng(0)
LABELS = np.repeat([0, 2, 3], [40, 60, 100])
WIDTH = np.repeat([0.5, 1.0, 2.0], [40, 60, 100])[:, None]
FEATURES = 1.5 * rng.normal(size=(4, 5))[LABELS] + WIDTH * rng.normal(size=(200, 5))
PRESENT = [0, 2, 3]


def log_posterior(params, features):
    found = np.asarray(scores(params, features.astype(np.float32)), np.float64)
    return found - np.logaddexp.reduce(found, axis=1, keepdims=True)


@pytest.mark.parametrize("ridge", [0.0, 0.2])
@pytest.mark.parametrize("kind", OWN_COVARIANCE)
def test_posteriors_are_those_of_normal_densities(kind, ridge):
    groups = [FEATURES[movement == LABELS] for movement in PRESENT]
    own = [np.cov(group.T) for group in groups]
    pooled = sum((len(group) - 1) * cov for group, cov in zip(groups, own, strict=True)) / (200 - 3)
    residual = np.concatenate([group - group.mean(axis=0) for group in groups])
    pooled = (1 - ridge) * pooled + ridge * np.diag(residual.var(axis=0))
    share = OWN_COVARIANCE[kind]
    joint = np.stack(
        [
            np.log(len(group) / 200)
            + scipy.stats.multivariate_normal(group.mean(0), (1 - share) * pooled + share * cov).logpdf(FEATURES)
            for group, cov in zip(groups, own, strict=True)
        ],
        axis=1,
    )
    expected = joint - np.logaddexp.reduce(joint, axis=1, keepdims=True)
    params = fit_discriminant(FEATURES, LABELS, kind=kind, classes=5, ridge=ridge)
    # The scores are sums of squares of hundreds, in float32.
    np.testing.assert_allclose(log_posterior(params, FEATURES)[:, PRESENT], expected, rtol=1e-4, atol=1e-3)
    assert 0.6 < np.mean(expected.argmax(axis=1) == np.searchsorted(PRESENT, LABELS)) < 1


def test_the_two_kinds_differ():
    linear, regularised = (fit_discriminant(FEATURES, LABELS, kind=kind, classes=4) for kind in ("lda", "rda"))
    assert np.abs(log_posterior(linear, FEATURES) - log_posterior(regularised, FEATURES)).max() > 0.05


def test_a_movement_that_was_never_seen_is_ruled_out():
    params = fit_discriminant(FEATURES, LABELS, kind="rda", classes=5)
    assert log_posterior(params, FEATURES)[:, [1, 4]].max() < UNSEEN_SCORE / 2


def test_features_that_depend_on_each_other_add_nothing():
    plain = fit_discriminant(FEATURES, LABELS, kind="rda", classes=4)
    doubled = np.hstack([FEATURES, -3 * FEATURES[:, :2], np.full((200, 1), 7.0)])
    again = fit_discriminant(doubled, LABELS, kind="rda", classes=4)
    np.testing.assert_allclose(log_posterior(again, doubled), log_posterior(plain, FEATURES), rtol=1e-3, atol=1e-3)


def test_one_window_of_a_movement_is_enough():
    rows = np.r_[0:40, 41, 150:200]
    params = fit_discriminant(FEATURES[rows], LABELS[rows], kind="rda", classes=4)
    assert np.isfinite(log_posterior(params, FEATURES)).all()


def test_all_movements_are_alike_before_the_fit():
    params = empty_discriminant(features=5, classes=3)
    np.testing.assert_allclose(log_posterior(params, FEATURES), -np.log(3), rtol=1e-6)


def test_a_ridge_lets_more_features_than_windows_be_used():
    windows, dimensions = 12, 30
    features = rng.normal(size=(windows, dimensions)) + 3 * np.eye(2)[[0, 1] * 6] @ rng.normal(size=(2, dimensions))
    labels = np.array([0, 1] * 6)
    params = fit_discriminant(features, labels, kind="lda", classes=2, ridge=0.1)
    assert np.linalg.matrix_rank(params["whitening"][0]) == dimensions
    np.testing.assert_array_equal(np.asarray(scores(params, features.astype(np.float32))).argmax(axis=1), labels)
