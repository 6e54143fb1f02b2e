"""The recurrent core: bidirectional LSTM layers, all directions and models advancing in one scan over time."""

import functools
from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax


@functools.partial(jax.custom_vjp, nondiff_argnums=(4, 5))
def scan_lstm(
    inputs: jax.Array,
    kernel: jax.Array,
    recurrent: jax.Array,
    bias: jax.Array,
    keep_all: bool,
    precision: str = "float32",
) -> jax.Array:
    """Runs LSTMs over time from a zero state.

    A direction of a layer is an LSTM of its own, so `G` counts them all; under `jax.vmap` the models of a
    stack are one more batch axis of the same scan. Gates are in the order input, forget, cell, output.

    A step is one `tanh` of all gates: σ(z) = ½ + ½ tanh(z/2). The gradient is written out below, with what it
    needs of each step kept, and those of the weights taken after the scan, over all steps at once. For reverse
    differentiation only.

    Args:
        inputs: `[T, G, B, D]`.
        kernel: `[G, D, 4H]` weights of the inputs.
        recurrent: `[G, H, 4H]` weights of the hidden state.
        bias: `[G, 4H]`.
        keep_all: whether to return the hidden state of every step or of the last one only.
        precision: dtype of what is multiplied in matmuls; sums and states are float32.

    Returns:
        Hidden states `[T, G, B, H]`, or `[G, B, H]` after the last step.
    """

    def keep(hidden, *_):
        return hidden if keep_all else None

    last, states = _forward(inputs, *_halved(kernel, recurrent, bias), keep, precision)
    return states if keep_all else last


def _halved(*weights: jax.Array) -> tuple[jax.Array, ...]:
    """Returns the weights, those of the three gates that are sigmoids halved: exact, as ½ is a power of 2."""
    return tuple(jnp.concatenate([w / 2, f / 2, c, o / 2], axis=-1) for w, f, c, o in map(_gates, weights))


def _gates(values: jax.Array) -> list[jax.Array]:
    return jnp.split(values, 4, axis=-1)


def _sigmoid_of(tanh_of_half: jax.Array) -> jax.Array:
    return 0.5 + 0.5 * tanh_of_half


def _matmul(axes: str, left: jax.Array, right: jax.Array, precision: str) -> jax.Array:
    if precision == "float32":
        return jnp.einsum(axes, left, right)
    return jnp.einsum(axes, left.astype(precision), right.astype(precision), preferred_element_type=left.dtype)


def _project(rows: jax.Array, weights: jax.Array, precision: str) -> jax.Array:
    """Multiplies `[G, B, D]` with `[G, D, K]`; a single input is no matmul."""
    if weights.shape[1] == 1:
        return rows * weights
    return _matmul("gbd,gdk->gbk", rows, weights, precision)


def _forward(inputs, kernel, recurrent, bias, keep: Callable, precision: str):
    """Scans with halved weights; returns the last hidden state, and what `keep` makes of each step."""
    _, models, batch, _ = inputs.shape
    zeros = jnp.zeros((models, batch, recurrent.shape[1]), inputs.dtype)

    def step(state, now):
        hidden, cell = state
        gates = _project(now, kernel, precision) + bias[:, None] + _project(hidden, recurrent, precision)
        active = jnp.tanh(gates)  # [G, B, 4H]
        update, forget, candidate, output = _gates(active)
        cell = _sigmoid_of(forget) * cell + _sigmoid_of(update) * candidate
        hidden = _sigmoid_of(output) * jnp.tanh(cell)
        return (hidden, cell), keep(hidden, active, cell)

    (last, _), kept = lax.scan(step, (zeros, zeros), inputs)
    return last, kept


def _run_and_keep(inputs, kernel, recurrent, bias, keep_all, precision):
    halved = _halved(kernel, recurrent, bias)
    last, kept = _forward(inputs, *halved, lambda *step: step, precision)
    return kept[0] if keep_all else last, (inputs, *halved[:2], *kept)


def _gradient(keep_all, precision, kept, gradient):
    inputs, kernel, recurrent, hidden, active, cell = kept
    zeros = jnp.zeros_like(cell[:1])
    cell_before, hidden_before = (jnp.concatenate([zeros, states[:-1]]) for states in (cell, hidden))

    def step(carry, now):
        of_hidden, of_cell = carry
        active, cell, cell_before, from_above = now
        if keep_all:
            of_hidden = of_hidden + from_above
        update, forget, candidate, output = _gates(active)
        squashed = jnp.tanh(cell)
        of_cell = of_cell + of_hidden * _sigmoid_of(output) * (1 - squashed**2)
        of_active = jnp.concatenate(
            [
                0.5 * of_cell * candidate,
                0.5 * of_cell * cell_before,
                of_cell * _sigmoid_of(update),
                0.5 * of_hidden * squashed,
            ],
            axis=-1,
        )
        of_gates = of_active * (1 - active**2)  # [G, B, 4H], of halved weights
        of_hidden = _matmul("gbk,ghk->gbh", of_gates, recurrent, precision)
        return (of_hidden, of_cell * _sigmoid_of(forget)), of_gates

    start = (zeros[0] if keep_all else gradient, zeros[0])
    steps = (active, cell, cell_before, gradient if keep_all else None)
    _, of_gates = lax.scan(step, start, steps, reverse=True)  # [T, G, B, 4H]
    of_weights = (
        _matmul("tgbd,tgbk->gdk", inputs, of_gates, precision),
        _matmul("tgbh,tgbk->ghk", hidden_before, of_gates, precision),
        jnp.sum(of_gates, axis=(0, 2)),
    )
    return _matmul("tgbk,gdk->tgbd", of_gates, kernel, precision), *_halved(*of_weights)


scan_lstm.defvjp(_run_and_keep, _gradient)


class BidirectionalLSTM(nn.Module):
    """One bidirectional layer, or only its backward direction where nothing reads the other.

    Attributes:
        hidden: width H of each direction.
        kernel_init: initialiser of both weight matrices.
        bias_init: initialiser of the `[directions, 4H]` bias.
        last: whether this is the last layer, of which only the backward direction's final state is read.
        precision: see `scan_lstm`.
    """

    hidden: int
    kernel_init: Callable
    bias_init: Callable
    last: bool = False
    precision: str = "float32"

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
        # NumPy arrays that a jitted function closes over are no constants that `scan_lstm`'s own gradient takes.
        kernel, recurrent, bias = map(jnp.asarray, (kernel, recurrent, bias))

        reversed_inputs = inputs[::-1]
        streams = [reversed_inputs] if self.last else [inputs, reversed_inputs]
        states = scan_lstm(jnp.stack(streams, axis=1), kernel, recurrent, bias, not self.last, self.precision)
        if self.last:
            return states[0]  # [1, B, H]
        return jnp.concatenate([states[:, 0], states[::-1, 1]], axis=-1)  # of [T, 2, B, H]
