"""Shadows: noisy copies of a feature's value (paper, section II)."""

import jax
import jax.numpy as jnp


def shadow(values: jax.Array, keys: jax.Array, *, shadows: int, noise: float) -> jax.Array:
    """Maps features `[b, …]` to `[b, …, shadows]`: the value, then noisy copies.

    Args:
        values: `[b, …]` standardised features.
        keys: `[b]` random keys.
        shadows: outputs S.
        noise: standard deviation of the Gaussian noise, as a share of each value's magnitude.
    """
    shape = (*values.shape[1:], shadows - 1)
    draws = jax.vmap(lambda key: jax.random.normal(key, shape, values.dtype))(keys)
    copies = values[..., None] * (1 + noise * draws)
    return jnp.concatenate([values[..., None], copies], axis=-1)
