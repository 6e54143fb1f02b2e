"""Classifiers of covariance matrices against the Riemannian distance written out with SciPy."""

import sys

import numpy as np
import pytest
import scipy.linalg

from finjax.errors import ConfigError
from finjax.features.spatial import regularised
from finjax.models.riemannian import RIEMANNIAN, block_diagonal, fit_riemannian

rng = np.random.default_rng(0)
MIXING = rng.normal(size=(2, 3, 3))
LABELS = np.repeat([4, 7], 20)
COVARIANCES = np.stack([np.cov(MIXING[i // 20] @ rng.normal(size=(3, 60))) for i in range(40)])


def distance(one, other):
    return np.sqrt(np.sum(np.log(scipy.linalg.eigvalsh(one, other)) ** 2))


def test_mdm_chooses_the_nearest_riemannian_mean():
    pytest.importorskip("pyriemann")
    from pyriemann.geometry.mean import mean_riemann

    model = fit_riemannian("mdm", COVARIANCES, LABELS)
    means = [mean_riemann(COVARIANCES[label == LABELS]) for label in (4, 7)]
    nearest = [np.argmin([distance(matrix, mean) for mean in means]) for matrix in COVARIANCES]
    np.testing.assert_array_equal(model.predict(COVARIANCES), np.array([4, 7])[nearest])


def test_the_tangent_space_tells_movements_apart():
    pytest.importorskip("pyriemann")
    model = fit_riemannian("tangent", COVARIANCES[::2], LABELS[::2])
    assert np.mean(model.predict(COVARIANCES[1::2]) == LABELS[1::2]) > 0.9


def test_orders_are_blocks_of_one_positive_definite_matrix():
    covariances = np.stack([COVARIANCES, 2 * COVARIANCES], axis=1).astype(np.float32)
    covariances[0] = 0.0  # all electrodes flat
    joined = block_diagonal(covariances)
    assert joined.shape == (40, 6, 6)
    np.testing.assert_array_equal(joined[1, :3, :3], np.asarray(regularised(covariances[1, 0])))
    np.testing.assert_array_equal(joined[:, :3, 3:], 0)
    assert np.linalg.eigvalsh(joined).min() > 0


@pytest.mark.parametrize("classifier", RIEMANNIAN)
def test_without_pyriemann_one_message_says_how_to_get_it(classifier, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyriemann.classification", None)
    with pytest.raises(
        ConfigError, match=rf"{classifier} needs pyRiemann.*: pip install pyriemann, or .* pip install '\.\[riemann\]'"
    ):
        fit_riemannian(classifier, COVARIANCES, LABELS)
