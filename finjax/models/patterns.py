"""Virtual channels: linear combinations of the electrodes' channels, from common spatial patterns.

A covariance is a difference of variances: cov(a, b) = (VAR(a + b) − VAR(a − b)) / 4. Features of single virtual
channels, such as a + b, therefore hold what lies between the channels.

Reference: Blankertz et al. 2008, "Optimizing spatial filters for robust EEG single-trial analysis".
"""

from collections.abc import Sequence
from typing import cast

import jax
import jax.numpy as jnp
import numpy as np
import scipy  # loads its modules when they are used

from finjax.errors import ConfigError
from finjax.features import get_feature
from finjax.features.spatial import covariance, regularised

EXACT = jax.lax.Precision.HIGHEST  # a GPU would round the factors, and small variances are differences of large ones
NORM_SD = 0.5  # of the logarithm of the norm of random weights


def virtual_channels(patterns: int, *, channels: int, classes: int) -> int:
    """Returns the number of virtual channels V: the channels themselves, and some patterns for each movement."""
    return channels + patterns * classes


def common_spatial_patterns(
    covariances: np.ndarray, movement: np.ndarray, *, patterns: int, classes: int
) -> np.ndarray:
    """Returns the weights of virtual channels `[V, C]`: the channels, then the patterns of each movement.

    The patterns of a movement are the combinations of channels whose variance, divided by their variance in the other
    movements, differs most from 1 (in the logarithm). Each has unit variance, as the mean over the movements. A
    movement without windows gets channels in place of patterns.

    Args:
        covariances: `[n, C, C]` covariance matrix of each window.
        movement: `[n]` movement of each window.
        patterns: patterns of each movement, at most C.
        classes: movements K.

    Raises:
        ConfigError: there are more patterns than channels.
    """
    channels = covariances.shape[-1]
    if patterns > channels:
        raise ConfigError(f"patterns={patterns}: there cannot be more for a movement than channels, {channels}")
    labels = np.unique(movement)
    means = {label: covariances[movement == label].mean(axis=0, dtype=np.float64) for label in labels}
    whole = _positive(sum(means.values(), np.zeros((channels, channels))) / max(len(labels), 1))
    rows = [np.eye(channels)]
    for label in range(classes):
        others = [means[other] for other in labels if other != label]
        if label not in means or not others:
            rows.append(np.eye(channels)[np.arange(patterns) % channels])
            continue
        ratios, vectors = scipy.linalg.eigh(_positive(means[label]), _positive(np.mean(others, axis=0)))
        chosen = np.argsort(-np.abs(np.log(ratios)), kind="stable")[:patterns]
        found = vectors[:, chosen].T
        found *= np.where(found[np.arange(patterns), np.abs(found).argmax(axis=1)] < 0, -1, 1)[:, None]  # one sign
        rows.append(found / np.sqrt(np.einsum("vc,cd,vd->v", found, whole, found))[:, None])
    return np.concatenate(rows).astype(np.float32)


def _positive(covariance: np.ndarray) -> np.ndarray:
    """Returns a covariance matrix that a flat channel, or two equal ones, do not make singular."""
    return np.asarray(regularised(covariance.astype(np.float32)), np.float64)


def random_weights(key: jax.Array, *, channels: int) -> jax.Array:
    """Draws the weights `[C]` of a virtual channel: any direction, a norm about 1, log-normal with σ = ½."""
    direction, size = jax.random.split(key)
    weights = jax.random.normal(direction, (channels,))
    return weights * jnp.exp(NORM_SD * jax.random.normal(size, (1,))) / jnp.linalg.norm(weights)


def mix(patterns: jax.Array, windows: jax.Array) -> jax.Array:
    """Maps windows `[b, C, T]` to those of virtual channels `[b, V, T]`, with weights `[V, C]`, or `[b, V, C]`."""
    return cast(jax.Array, jnp.einsum("...vc,...ct->...vt", patterns, windows, precision=EXACT))


def features_of_virtual_channels(
    features: Sequence[str], windows: jax.Array, patterns: jax.Array | np.ndarray
) -> jax.Array:
    """Returns the closed-form features of virtual channels, `[b, V, F]`.

    The variance of a virtual channel with the weights w is wᵀ Σ w. Features of variances are therefore computed from
    the C × C covariances Σ of each window, in place of V signals: that is faster by far.

    Args:
        features: names of the features.
        windows: `[b, C, T]` z-scored.
        patterns: `[V, C]` weights.
    """
    patterns, columns, covariances = jnp.asarray(patterns), [], {}
    for feature in map(get_feature, features):
        if feature.of_variance is None:
            columns.append(feature.direct(mix(patterns, windows)))
            continue
        if feature.order not in covariances:
            covariances[feature.order] = covariance(windows, feature.order)
        variances = jnp.einsum("vc,bcd,vd->bv", patterns, covariances[feature.order], patterns, precision=EXACT)
        columns.append(feature.of_variance(variances))
    return jnp.stack(columns, axis=-1)
