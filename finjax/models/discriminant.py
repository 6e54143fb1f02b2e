"""Gaussian discriminant analysis, linear and regularised: fitted in NumPy, applied in NumPy or JAX.

Reference: Friedman 1989, "Regularized discriminant analysis".
"""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

# Share of each movement's own covariance in its density; the rest is common to all movements. The share of `rda` had
# the lowest loss in leave-one-out validation over the tuning repetitions of 3DC.
OWN_COVARIANCE = {"lda": 0.0, "rda": 0.1}
UNSEEN_SCORE = -1e4  # score of a movement without training data
TOLERANCE = 1e-4  # directions with a smaller deviation within movements, relative to the largest, are omitted


def fit_discriminant(
    features: np.ndarray, labels: np.ndarray, *, kind: str, classes: int, ridge: float = 0.0
) -> dict[str, np.ndarray]:
    """Fits one normal density to each movement.

    Args:
        features: `[n, D]`.
        labels: `[n]`, at least two different values from 0 to K − 1.
        kind: one of `OWN_COVARIANCE`.
        classes: K; movements that are not in `labels` get the score `UNSEEN_SCORE`.
        ridge: share of the identity in the common covariance of features with unit deviation within movements.

    Returns:
        The parameters for `scores`: `mean` `[K, D]`, `whitening` `[K, D, D]` (columns beyond the rank are zero) and
        `offset` `[K]`.
    """
    features, dimensions = features.astype(np.float64), features.shape[1]
    present, counts = np.unique(labels, return_counts=True)
    params = {
        "mean": np.zeros((classes, dimensions)),
        "whitening": np.zeros((classes, dimensions, dimensions)),
        "offset": np.full(classes, UNSEEN_SCORE),
    }
    residual = np.empty_like(features)
    for movement in present:
        rows = labels == movement
        params["mean"][movement] = features[rows].mean(axis=0)
        residual[rows] = features[rows] - params["mean"][movement]
    whitening = _whitening(residual, degrees=max(len(features) - len(present), 1), ridge=ridge)
    rank = whitening.shape[1]
    share = OWN_COVARIANCE[kind]
    for movement, count in zip(present, counts, strict=True):
        own = residual[labels == movement] @ whitening
        covariance = (1 - share) * np.eye(rank) + share * own.T @ own / max(count - 1, 1)
        factor = np.linalg.cholesky(covariance)
        params["whitening"][movement, :, :rank] = np.linalg.solve(factor, whitening.T).T
        params["offset"][movement] = np.log(count / len(features)) - np.log(np.diag(factor)).sum()
    return {name: value.astype(np.float32) for name, value in params.items()}


def _whitening(residual: np.ndarray, *, degrees: int, ridge: float) -> np.ndarray:
    """Returns `[D, r]`, which maps the residuals to unit covariance; r is their rank, or D with a ridge.

    The ridge is added where each feature has unit deviation: it is a share of the identity in that covariance matrix.
    """
    scale = residual.std(axis=0)
    scale[scale == 0] = 1
    scaled = residual / scale / np.sqrt(degrees)
    if ridge:
        variances, vectors = np.linalg.eigh((1 - ridge) * scaled.T @ scaled + ridge * np.eye(scaled.shape[1]))
        deviations, directions = np.sqrt(variances), vectors.T
    else:
        _, deviations, directions = np.linalg.svd(scaled, full_matrices=False)
    kept = deviations > TOLERANCE * max(deviations.max(), 1e-300)
    return (directions[kept] / deviations[kept, None] / scale).T


def empty_discriminant(*, features: int, classes: int) -> dict[str, np.ndarray]:
    """Returns the parameters of an unfitted discriminant of D features: all movements score 0."""
    return {
        "mean": np.zeros((classes, features), np.float32),
        "whitening": np.zeros((classes, features, features), np.float32),
        "offset": np.zeros(classes, np.float32),
    }


def scores(params: Mapping[str, jax.Array | np.ndarray], features: jax.Array | np.ndarray) -> jax.Array:
    """Maps features `[n, D]` to scores `[n, K]`, whose softmax is the posterior of each movement."""
    distance = jnp.einsum("nkd,kde->nke", features[:, None] - params["mean"][None], params["whitening"])
    return jnp.subtract(params["offset"][None], jnp.sum(distance**2, axis=-1) / 2)
