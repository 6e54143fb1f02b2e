"""Classifiers of the covariance matrices between channels, from pyRiemann, which is optional.

Reference: Barachant et al. 2012, "Multiclass brain-computer interface classification by Riemannian geometry".
"""

from typing import TYPE_CHECKING

import numpy as np

from finjax.errors import ConfigError
from finjax.features.spatial import regularised

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

RIEMANNIAN = ("tangent", "mdm")


def block_diagonal(covariances: np.ndarray) -> np.ndarray:
    """Returns one regularised matrix for each window: `[n, K, C, C]` → `[n, K C, K C]` float64.

    The matrices of x, Δx and Δ²x are its diagonal blocks.
    """
    count, orders, channels, _ = covariances.shape
    blocks = np.asarray(regularised(covariances), np.float64)
    joined = np.zeros((count, orders, channels, orders, channels))
    for order in range(orders):
        joined[:, order, :, order] = blocks[:, order]
    return joined.reshape(count, orders * channels, orders * channels)


def fit_riemannian(classifier: str, matrices: np.ndarray, labels: np.ndarray) -> "Pipeline":
    """Fits a classifier to covariance matrices.

    `tangent` is linear discriminant analysis in the tangent space at the Riemannian mean of the training data; `mdm`
    chooses the movement whose Riemannian mean is nearest.

    Args:
        classifier: one of `RIEMANNIAN`.
        matrices: `[n, D, D]`, symmetric positive definite.
        labels: `[n]`, the movement of each matrix.

    Raises:
        ConfigError: pyRiemann is not installed.
    """
    try:
        from pyriemann.classification import MDM
        from pyriemann.tangentspace import TangentSpace
    except ImportError as error:
        raise ConfigError(
            f"the classifier {classifier} needs pyRiemann, which is not installed: pip install pyriemann, or in a "
            "checkout pip install '.[riemann]'"
        ) from error
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.pipeline import make_pipeline

    if classifier == "mdm":
        return make_pipeline(MDM(metric="riemann")).fit(matrices, labels)
    shrunk = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
    return make_pipeline(TangentSpace(metric="riemann"), shrunk).fit(matrices, labels)
