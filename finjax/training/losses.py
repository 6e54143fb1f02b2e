"""Losses, as sums over the examples of one device's share of a batch."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax import struct

from finjax.data.gather import WindowData
from finjax.training.step import Loss


@struct.dataclass
class FINData:
    """What the FIN's loss reads, on the device.

    Attributes:
        windows: where the inputs are gathered from, n windows of C channels.
        target: `[n, C]` standardised feature that the FIN is to give.
    """

    windows: WindowData
    target: jax.Array


def shadow(values: jax.Array, keys: jax.Array, *, shadows: int, noise: float) -> jax.Array:
    """Tiles features `[b]` to `[b, shadows]`: the value, then noisy copies (paper, section II).

    Args:
        values: `[b]` standardised features.
        keys: `[b]` random keys, one per value, so that the draw does not depend on how a batch is divided.
        shadows: outputs S.
        noise: standard deviation of the Gaussian noise, as a share of each value's magnitude.
    """
    draws = jax.vmap(lambda key: jax.random.normal(key, (shadows - 1,), values.dtype))(keys)
    copies = values[:, None] * (1 + noise * draws)
    return jnp.concatenate([values[:, None], copies], axis=1)


def make_fin_loss(model: nn.Module, *, length: int, noise: float) -> Loss:
    """Returns a FIN's loss: squared error against the shadowed feature, averaged over the shadows."""

    def loss(params: Any, data: FINData, examples: jax.Array, key: jax.Array):
        real = examples >= 0  # the rest pads the last batch of an epoch
        examples = jnp.maximum(examples, 0)
        keys = jax.vmap(jax.random.fold_in, in_axes=(None, 0))(key, examples)
        target = shadow(data.target.reshape(-1)[examples], keys, shadows=model.shadows, noise=noise)
        output = model.apply({"params": params}, data.windows.gather(examples, length=length))
        error = jnp.mean(jnp.square(output - target), axis=-1)  # [b, S] → [b]
        return jnp.sum(jnp.where(real, error, 0.0)), jnp.sum(real)

    return loss
