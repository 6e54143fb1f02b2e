"""Closed-form features of one channel of an sEMG window: what a FIN learns to imitate.

Each feature is defined twice. `direct` is the definition, a jittable function `[..., T] → [...]`. `terms` and `finish`
define the same feature by sums of per-sample terms, so that `finjax.data.sliding` can compute it for all overlapping
windows of a recording in O(samples) instead of O(windows × T).

References: RMS, VAR, SSI and ENT: Wu et al. 2024, arXiv 2405.19356. MAV, WL, ZC and SSC: Hudgins et al.
1993, "A new strategy for multifunction myoelectric control". SKEW and KURT: the usual moments. LOGSTD,
LOGSTD_D1 and LOGSTD_D2: after Hjorth 1970, "EEG analysis based on time domain properties".
"""

import functools
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from finjax.features.registry import Feature, register

# A window is flat if its variance is less than this share of its power, which float32 cannot tell from 0: its skewness
# and kurtosis are 0. Also the lower limit of a variance before its logarithm is taken.
FLAT_VARIANCE = 1e-10
SMYOP_SLOPE = 2.0  # per standard deviation of the signal


# --- The four features of the paper ---------------------------------------------------------------


def rms(x: ArrayLike) -> jax.Array:
    """Root mean square: `sqrt(mean x²)`."""
    return jnp.sqrt(jnp.mean(jnp.square(x), axis=-1))


def var(x: ArrayLike) -> jax.Array:
    """Variance: `mean (x − mean x)²` (ddof 0)."""
    return jnp.var(x, axis=-1)


def ssi(x: ArrayLike) -> jax.Array:
    """Simple square integral: `sum x²`."""
    return jnp.sum(jnp.square(x), axis=-1)


def ent(x: ArrayLike) -> jax.Array:
    """Shannon entropy, in nats, of `softmax(x)` over the window: `log S − (Σ x eˣ) / S`, `S = Σ eˣ`."""
    x = x - jnp.max(x, axis=-1, keepdims=True)  # the entropy does not change, and exp cannot overflow
    weights = jnp.exp(x)
    total = jnp.sum(weights, axis=-1)
    return jnp.log(total) - jnp.sum(x * weights, axis=-1) / total


def _exponentials(x: np.ndarray) -> Sequence[np.ndarray]:
    # float64 holds e⁷⁰⁰, more than any sEMG needs; `finjax.data.sliding` uses `direct` for windows beyond that.
    weights = np.exp(x)
    return weights, x * weights


# --- Further time-domain features -----------------------------------------------------------------


def mav(x: ArrayLike) -> jax.Array:
    """Mean absolute value: `mean |x|`."""
    return jnp.mean(jnp.abs(x), axis=-1)


def wl(x: ArrayLike) -> jax.Array:
    """Waveform length: `Σ |x[t+1] − x[t]|`."""
    return jnp.sum(jnp.abs(jnp.diff(x, axis=-1)), axis=-1)


def smyop(x: ArrayLike) -> jax.Array:
    """Smooth myopulse rate: `mean tanh(2 |x|)`; MYOP has a threshold at half a standard deviation instead of tanh."""
    return jnp.mean(jnp.tanh(SMYOP_SLOPE * jnp.abs(x)), axis=-1)


def zc(x: ArrayLike) -> jax.Array:
    """Zero crossings: how often neighbouring samples differ in sign."""
    x = jnp.asarray(x)
    return jnp.sum(x[..., :-1] * x[..., 1:] < 0, axis=-1).astype(x.dtype)


def ssc(x: ArrayLike) -> jax.Array:
    """Slope sign changes: how often a sample is a strict local extremum."""
    x = jnp.asarray(x)
    slope = jnp.diff(x, axis=-1)
    return jnp.sum(slope[..., :-1] * slope[..., 1:] < 0, axis=-1).astype(x.dtype)


def _standardised_moment(x: ArrayLike, order: int) -> jax.Array:
    centred = x - jnp.mean(x, axis=-1, keepdims=True)
    variance = jnp.mean(jnp.square(centred), axis=-1)
    moment = jnp.mean(centred**order, axis=-1)
    flat = variance <= FLAT_VARIANCE * jnp.mean(jnp.square(x), axis=-1)
    return jnp.where(flat, 0.0, moment / jnp.where(flat, 1.0, variance) ** (order / 2))


def skew(x: ArrayLike) -> jax.Array:
    """Skewness: `m₃ / m₂^1.5`, 0 for a flat window."""
    return _standardised_moment(x, 3)


def kurt(x: ArrayLike) -> jax.Array:
    """Kurtosis: `m₄ / m₂²` (3 for a Gaussian), 0 for a flat window."""
    return _standardised_moment(x, 4)


def logvar(x: ArrayLike) -> jax.Array:
    """Log-variance, in nats: `log VAR`, at least `log FLAT_VARIANCE`."""
    return _log_of_variance(var(x))


def _log_of_variance(variance: jax.Array) -> jax.Array:
    return jnp.log(jnp.maximum(variance, FLAT_VARIANCE))


def logstd(x: ArrayLike, order: int = 0) -> jax.Array:
    """Log standard deviation, in nats, of the order-th difference: `½ log VAR(Δᵏx)`, `k = order`.

    Δᵏx has T − k values, all from inside the window. The three orders give Hjorth's parameters: activity is
    `exp 2l₀`, mobility `exp(l₁ − l₀)` and complexity `exp(l₂ − 2l₁ + l₀)`, with `l_k` the value of order k.

    Reference: Hjorth 1970, "EEG analysis based on time domain properties".
    """
    return 0.5 * logvar(jnp.diff(x, n=order, axis=-1))


# --- The same features from sums of per-sample terms ---------------------------------------------------------


def _powers(order: int) -> Callable[[np.ndarray], Sequence[np.ndarray]]:
    return lambda x: [x**k for k in range(1, order + 1)]


def _variance(sums: Sequence[np.ndarray], length: int) -> np.ndarray:
    mean = sums[0] / length
    return np.maximum(sums[1] / length - mean**2, 0.0)


def _log_variance(sums: Sequence[np.ndarray], length: int) -> np.ndarray:
    return np.log(np.maximum(_variance(sums, length), FLAT_VARIANCE))


def _standardised(moment: np.ndarray, sums: Sequence[np.ndarray], length: int, order: int) -> np.ndarray:
    variance = _variance(sums, length)
    flat = variance <= FLAT_VARIANCE * sums[1] / length
    return np.where(flat, 0.0, moment / np.where(flat, 1.0, variance) ** (order / 2))


def _skewness(sums: Sequence[np.ndarray], length: int) -> np.ndarray:
    mean, raw2, raw3 = (s / length for s in sums)
    return _standardised(raw3 - 3 * mean * raw2 + 2 * mean**3, sums, length, 3)


def _kurtosis(sums: Sequence[np.ndarray], length: int) -> np.ndarray:
    mean, raw2, raw3, raw4 = (s / length for s in sums)
    central = raw4 - 4 * mean * raw3 + 6 * mean**2 * raw2 - 3 * mean**4
    return _standardised(central, sums, length, 4)


def _log_deviation(order: int) -> Feature:
    """Returns the feature `logstd` of the order-th difference."""
    return Feature(
        name=f"logstd_d{order}" if order else "logstd",
        label="log standard deviation" + ("", " of Δx", " of Δ²x")[order],
        direct=functools.partial(logstd, order=order),
        terms=lambda x: _powers(2)(np.diff(x, n=order)),
        finish=lambda sums, length: 0.5 * _log_variance(sums, length - order),  # T − k differences in a window
        of_variance=lambda variance: 0.5 * _log_of_variance(variance),
        order=order,
    )


for _feature in (
    Feature(
        name="ent",
        label="Shannon entropy",
        direct=ent,
        terms=_exponentials,
        finish=lambda sums, length: np.log(sums[0]) - sums[1] / sums[0],
    ),
    Feature(
        name="rms",
        label="root mean square",
        direct=rms,
        terms=lambda x: [x * x],
        finish=lambda sums, length: np.sqrt(sums[0] / length),
    ),
    Feature(
        name="var",
        label="variance",
        direct=var,
        terms=_powers(2),
        finish=_variance,
        of_variance=lambda variance: variance,
    ),
    Feature(
        name="ssi",
        label="simple square integral",
        direct=ssi,
        terms=lambda x: [x * x],
        finish=lambda sums, length: sums[0],
    ),
    Feature(
        name="mav",
        label="mean absolute value",
        direct=mav,
        terms=lambda x: [np.abs(x)],
        finish=lambda sums, length: sums[0] / length,
    ),
    Feature(
        name="smyop",
        label="smooth myopulse rate",
        direct=smyop,
        terms=lambda x: [np.tanh(SMYOP_SLOPE * np.abs(x))],
        finish=lambda sums, length: sums[0] / length,
    ),
    Feature(
        name="wl",
        label="waveform length",
        direct=wl,
        terms=lambda x: [np.abs(np.diff(x))],
        finish=lambda sums, length: sums[0],
    ),
    Feature(
        name="zc",
        label="zero crossings",
        direct=zc,
        terms=lambda x: [x[:-1] * x[1:] < 0],
        finish=lambda sums, length: sums[0],
    ),
    Feature(
        name="ssc",
        label="slope sign changes",
        direct=ssc,
        terms=lambda x: [np.diff(x)[:-1] * np.diff(x)[1:] < 0],
        finish=lambda sums, length: sums[0],
    ),
    Feature(name="skew", label="skewness", direct=skew, terms=_powers(3), finish=_skewness),
    Feature(name="kurt", label="kurtosis", direct=kurt, terms=_powers(4), finish=_kurtosis),
    Feature(
        name="logvar",
        label="log-variance",
        direct=logvar,
        terms=_powers(2),
        finish=_log_variance,
        of_variance=_log_of_variance,
    ),
    *(_log_deviation(order) for order in (0, 1, 2)),
):
    register(_feature)
