"""Closed-form features between the channels of an sEMG window.

Each is a function of the covariance matrix `[C, C]` of x, Δx or Δ²x over the window. `finjax.data.sliding` computes
these matrices for all overlapping windows of a recording in O(samples).

References: log-Euclidean metric: Arsigny et al. 2006, "Log-Euclidean metrics for fast and simple calculus on diffusion
tensors". Covariance matrices as features of biosignals: Barachant et al. 2012, "Multiclass brain-computer interface
classification by Riemannian geometry".
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from finjax.features.matrix_log import matrix_log
from finjax.features.registry import SpatialFeature, register
from finjax.features.single_channel import FLAT_VARIANCE

SHRINKAGE = 0.02  # share of a multiple of the identity in a covariance matrix whose logarithm is taken
LARGEST_CORRELATION = 0.999  # limit before the artanh


def covariance(x: ArrayLike, order: int = 0) -> jax.Array:
    """Covariance matrices (ddof 0) of the order-th difference: `[..., C, T] → [..., C, C]`."""
    differences = jnp.diff(jnp.asarray(x), n=order, axis=-1)
    centred = differences - differences.mean(axis=-1, keepdims=True)
    sums = jnp.einsum("...ct,...dt->...cd", centred, centred, precision=jax.lax.Precision.HIGHEST)
    return sums / centred.shape[-1]


def cov(covariances: ArrayLike) -> jax.Array:
    """The upper triangle `σ_ab`, a ≤ b, row by row: `[..., C, C] → [..., C (C + 1) / 2]`."""
    covariances = jnp.asarray(covariances)
    rows, columns = np.triu_indices(covariances.shape[-1])
    return covariances[..., rows, columns]


def corr(covariances: ArrayLike) -> jax.Array:
    """Fisher's z of the correlations, `artanh r_ab`, a < b: `[..., C, C] → [..., C (C − 1) / 2]`.

    `|r|` is limited to 0.999, because identical channels have r = 1. A flat channel has r = 0.
    """
    covariances = jnp.asarray(covariances)
    rows, columns = np.triu_indices(covariances.shape[-1], k=1)
    variances = jnp.diagonal(covariances, axis1=-2, axis2=-1)
    product = variances[..., rows] * variances[..., columns]
    flat = product <= FLAT_VARIANCE**2
    correlation = jnp.where(flat, 0.0, covariances[..., rows, columns] / jnp.sqrt(jnp.where(flat, 1.0, product)))
    return jnp.arctanh(correlation.clip(-LARGEST_CORRELATION, LARGEST_CORRELATION))


def logstd_pairs(covariances: ArrayLike) -> jax.Array:
    """Log standard deviations of the differences of channels: `½ log VAR(x_a − x_b)`, a < b."""
    covariances = jnp.asarray(covariances)
    rows, columns = np.triu_indices(covariances.shape[-1], k=1)
    variances = jnp.diagonal(covariances, axis1=-2, axis2=-1)
    of_differences = variances[..., rows] + variances[..., columns] - 2 * covariances[..., rows, columns]
    return 0.5 * jnp.log(jnp.maximum(of_differences, FLAT_VARIANCE))


def regularised(covariances: ArrayLike) -> jax.Array:
    """Makes covariance matrices `[..., C, C]` positive definite: `(1 − s) Σ + (s tr Σ / C + ε) I`, s = 0.02.

    Without it, a flat channel, or two channels that are the same, would have no logarithm.
    """
    covariances = jnp.asarray(covariances)
    channels = covariances.shape[-1]
    identity = jnp.broadcast_to(jnp.eye(channels), covariances.shape)
    scale = jnp.trace(covariances, axis1=-2, axis2=-1)[..., None, None] / channels
    return (1 - SHRINKAGE) * covariances + (SHRINKAGE * scale + FLAT_VARIANCE) * identity


def logcov(covariances: ArrayLike) -> jax.Array:
    """The log-Euclidean vector: `log Σ'`, upper triangle, off-diagonal elements times √2.

    Σ' is `regularised(Σ)`. The Euclidean distance of two such vectors is the log-Euclidean distance of their matrices.
    """
    matrices = regularised(covariances)
    rows, columns = np.triu_indices(matrices.shape[-1])
    triangle = matrix_log(matrices)[..., rows, columns]
    factors = np.where(rows == columns, 1.0, np.sqrt(2.0)).astype(np.float32)
    return triangle * jnp.broadcast_to(factors, triangle.shape)


_KINDS = (
    ("cov", "covariances of the channels", cov),
    ("corr", "Fisher's z of the correlations of the channels", corr),
    ("logstd_pairs", "log standard deviations of channel differences", logstd_pairs),
    ("logcov", "log-Euclidean covariances of the channels", logcov),
)
for _name, _label, _function in _KINDS:
    for _order, _of in enumerate(("x", "Δx", "Δ²x")):
        register(
            SpatialFeature(
                name=f"{_name}_d{_order}" if _order else _name,
                label=f"{_label}, of {_of}",
                order=_order,
                of_covariance=_function,
            )
        )
