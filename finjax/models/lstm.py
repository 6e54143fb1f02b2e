"""The recurrent core: bidirectional LSTM layers, all directions and models advancing in one scan over time."""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax


def scan_lstm(projected: jax.Array, recurrent: jax.Array, *, keep_all: bool) -> jax.Array:
    """Runs LSTMs over time from a zero state.

    A direction of a layer is an LSTM of its own, so `G` counts them all; under `jax.vmap` the models of a
    stack are one more batch axis of the same scan. The part of the gates that depends on the input is not
    recurrent and arrives ready, from one large matmul.

    Args:
        projected: `[T, G, B, 4H]` input part of the gates, bias included, in the order input, forget,
            cell, output.
        recurrent: `[G, H, 4H]` recurrent weights.
        keep_all: whether to return the hidden state of every step or of the last one only.

    Returns:
        Hidden states `[T, G, B, H]`, or `[G, B, H]` after the last step.
    """
    _, models, batch, gates = projected.shape
    zeros = jnp.zeros((models, batch, gates // 4), projected.dtype)

    def step(state, inputs):
        hidden, cell = state
        # [G, B, H] × [G, H, 4H] → [G, B, 4H]
        update, forget, candidate, output = jnp.split(
            inputs + jnp.einsum("gbh,ghk->gbk", hidden, recurrent), 4, axis=-1
        )
        cell = nn.sigmoid(forget) * cell + nn.sigmoid(update) * jnp.tanh(candidate)
        hidden = nn.sigmoid(output) * jnp.tanh(cell)
        return (hidden, cell), hidden if keep_all else None

    (last, _), states = lax.scan(step, (zeros, zeros), projected)
    return states if keep_all else last


class BidirectionalLSTM(nn.Module):
    """One bidirectional layer, or only its backward direction where nothing reads the other.

    Attributes:
        hidden: width H of each direction.
        kernel_init: initialiser of both weight matrices.
        bias_init: initialiser of the `[directions, 4H]` bias.
        last: whether this is the last layer, of which only the backward direction's final state is read.
    """

    hidden: int
    kernel_init: Callable
    bias_init: Callable
    last: bool = False

    @nn.compact
    def __call__(self, inputs: jax.Array) -> jax.Array:
        """Runs the layer.

        Args:
            inputs: `[T, B, D]`.

        Returns:
            `[T, B, 2H]`, forward then backward; of the last layer `[B, H]`, the backward direction's state
            after it has read the first sample.
        """
        directions = 1 if self.last else 2
        shape = (directions, inputs.shape[-1], 4 * self.hidden)
        kernel = self.param("kernel", self.kernel_init, shape)
        recurrent = self.param("recurrent", self.kernel_init, (directions, self.hidden, 4 * self.hidden))
        bias = self.param("bias", self.bias_init, (directions, 4 * self.hidden))

        reversed_inputs = inputs[::-1]
        streams = reversed_inputs[None] if self.last else jnp.stack([inputs, reversed_inputs])  # [G, T, B, D]
        projected = jnp.einsum("gtbd,gdk->tgbk", streams, kernel) + bias[None, :, None]
        if self.last:
            return scan_lstm(projected, recurrent, keep_all=False)[0]
        states = scan_lstm(projected, recurrent, keep_all=True)  # [T, 2, B, H]
        return jnp.concatenate([states[:, 0], states[::-1, 1]], axis=-1)
