"""The recurrent core: bidirectional LSTM layers, all directions and models advancing together over time."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

CHUNK = 20  # time steps whose gates are in memory at a time: with a small batch they fit a core's cache


class _Weights(NamedTuple):
    """Weights of G LSTMs: of inputs `[G, D, 4H]` and hidden state `[G, H, 4H]`, and bias `[G, 4H]`."""

    kernel: jax.Array
    recurrent: jax.Array
    bias: jax.Array


@functools.partial(jax.custom_vjp, nondiff_argnums=(4, 5, 6))
def scan_lstm(
    inputs: jax.Array,
    kernel: jax.Array,
    recurrent: jax.Array,
    bias: jax.Array,
    keep_all: bool,
    chunk: int = CHUNK,
    precision: str = "float32",
) -> jax.Array:
    """Runs LSTMs over time from a zero state.

    A direction of a layer is an LSTM of its own, and so is that of another model: `G` counts them all. Gates are
    in the order input, forget, cell, output.

    A step is one `tanh` of all gates: σ(z) = ½ + ½ tanh(z/2). Time passes in chunks, so that what a step reads
    is in the cache: the inputs of a chunk are projected at once, and the gradient, which is written out below,
    computes a chunk's gates again, all steps at once, with everything that does not depend on later steps, then
    goes back step by step, and adds up the weights' gradients at once. For reverse differentiation only.

    Args:
        inputs: `[G, T, B, D]`.
        kernel: `[G, D, 4H]` weights of the inputs.
        recurrent: `[G, H, 4H]` weights of the hidden state.
        bias: `[G, 4H]`.
        keep_all: whether to return the hidden state of every step or of the last one only.
        chunk: steps in a chunk.
        precision: dtype of what is multiplied in matmuls; sums and states are float32.

    Returns:
        Hidden states `[G, T, B, H]`, or `[G, B, H]` after the last step.
    """
    return _run_and_keep(inputs, kernel, recurrent, bias, keep_all, chunk, precision)[0]


def _halved(weights: _Weights) -> _Weights:
    """Returns the weights, those of the three gates that are sigmoids halved: exact, as ½ is a power of 2."""
    return _Weights(*(jnp.concatenate([i / 2, f / 2, c, o / 2], axis=-1) for i, f, c, o in map(_gates, weights)))


def _gates(values: jax.Array) -> list[jax.Array]:
    return jnp.split(values, 4, axis=-1)


def _sigmoid_of(tanh_of_half: jax.Array) -> jax.Array:
    return 0.5 + 0.5 * tanh_of_half


def _matmul(rows: jax.Array, weights: jax.Array, precision: str) -> jax.Array:
    """Multiplies `[G, …, D]` with `[G, D, N]`."""
    return _contract("grd,gdn->grn", _rows(rows), weights, precision).reshape(*rows.shape[:-1], -1)


def _rows(values: jax.Array) -> jax.Array:
    return values.reshape(len(values), -1, values.shape[-1])


def _contract(axes: str, left: jax.Array, right: jax.Array, precision: str) -> jax.Array:
    if precision == "float32":
        return jnp.einsum(axes, left, right)
    return jnp.einsum(axes, left.astype(precision), right.astype(precision), preferred_element_type=left.dtype)


# --- Time, the second axis of what is kept of it --------------------------------------------------


def _at(values: jax.Array, t: jax.Array) -> jax.Array:
    return _part(values, t, 1)[:, 0]


def _part(values: jax.Array, start: jax.Array, size: int) -> jax.Array:
    return lax.dynamic_slice_in_dim(values, start, size, axis=1, allow_negative_indices=False)


def _put(values: jax.Array, part: jax.Array, start: jax.Array) -> jax.Array:
    return lax.dynamic_update_slice_in_dim(values, part, start, axis=1, allow_negative_indices=False)


def _over_chunks(of_chunk: Callable, carry: Any, *, steps: int, chunk: int, reverse: bool = False) -> Any:
    """Applies `of_chunk(carry, start, size) → carry` to one chunk after another; the last in time may be shorter."""
    whole, rest = divmod(steps, chunk)

    def of_whole(number, carry):
        return of_chunk(carry, chunk * (whole - 1 - number if reverse else number), chunk)

    if rest and reverse:
        carry = of_chunk(carry, whole * chunk, rest)
    if whole:
        carry = lax.fori_loop(0, whole, of_whole, carry)
    if rest and not reverse:
        carry = of_chunk(carry, whole * chunk, rest)
    return carry


# --- Forward and back -----------------------------------------------------------------------------


def _forward(
    inputs: jax.Array, weights: _Weights, chunk: int, precision: str
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Takes all steps.

    Returns:
        The last hidden state `[G, B, H]`; and hidden states and cells `[G, 1 + T, B, H]`, the zeros before the first
        step included. What of it nobody reads, XLA leaves out.
    """
    kernel, recurrent, bias = weights
    groups, steps, batch, width = inputs.shape
    zeros = jnp.zeros((groups, batch, recurrent.shape[1]), inputs.dtype)
    room = jnp.zeros((groups, 1 + steps, *zeros.shape[1:]), zeros.dtype)

    def of_chunk(carry, start, size):
        projected = _part(inputs, start, size)
        if width > 1:
            projected = _matmul(projected, kernel, precision)

        def step(t, carry):
            hidden, cell, all_hidden, all_cells = carry
            now = _at(projected, t) * kernel if width == 1 else _at(projected, t)
            active = jnp.tanh(now + bias[:, None] + _matmul(hidden, recurrent, precision))  # [G, B, 4H]
            update, forget, candidate, output = _gates(active)
            cell = _sigmoid_of(forget) * cell + _sigmoid_of(update) * candidate
            hidden = _sigmoid_of(output) * jnp.tanh(cell)
            after = start + t + 1
            return hidden, cell, _put(all_hidden, hidden[:, None], after), _put(all_cells, cell[:, None], after)

        return lax.fori_loop(0, size, step, carry)

    last, _, *kept = _over_chunks(of_chunk, (zeros, zeros, room, room), steps=steps, chunk=chunk)
    return last, *kept


def _run_and_keep(inputs, kernel, recurrent, bias, keep_all, chunk, precision):
    weights = _halved(_Weights(kernel, recurrent, bias))
    last, hidden, cells = _forward(inputs, weights, chunk, precision)
    return hidden[:, 1:] if keep_all else last, (inputs, weights, hidden, cells)


def _gradient(keep_all, chunk, precision, kept, gradient):
    inputs, (kernel, recurrent, bias), all_hidden, all_cells = kept
    steps, width = inputs.shape[1], inputs.shape[-1]
    zeros = jnp.zeros_like(all_hidden[:, 0])
    to_hidden, to_inputs = recurrent.swapaxes(1, 2), kernel.swapaxes(1, 2)
    both = jnp.concatenate([kernel, recurrent], axis=1)

    def of_chunk(carry, start, size):
        of_state, of_both, of_bias, of_inputs = carry
        read = jnp.concatenate([_part(inputs, start, size), _part(all_hidden, start, size)], axis=-1)
        active = jnp.tanh(_matmul(read, both, precision) + bias[:, None, None])  # [G, K, B, 4H]
        update, forget, candidate, output = _gates(active)
        before, squashed = _part(all_cells, start, size), jnp.tanh(_part(all_cells, start + 1, size))
        to_cell = _sigmoid_of(output) * (1 - squashed**2)
        to_cell_before = _sigmoid_of(forget)
        to_gates = jnp.concatenate(
            [
                0.5 * candidate * (1 - update**2),
                0.5 * before * (1 - forget**2),
                _sigmoid_of(update) * (1 - candidate**2),
                0.5 * squashed * (1 - output**2),
            ],
            axis=-1,
        )  # of halved weights

        def step(number, carry):
            (of_hidden, of_cell), of_gates = carry
            t = size - 1 - number
            if keep_all:
                of_hidden = of_hidden + _at(gradient, start + t)
            of_cell = of_cell + of_hidden * _at(to_cell, t)
            of_now = jnp.concatenate([of_cell, of_cell, of_cell, of_hidden], axis=-1) * _at(of_gates, t)  # [G, B, 4H]
            of_state = _matmul(of_now, to_hidden, precision), of_cell * _at(to_cell_before, t)
            return of_state, _put(of_gates, of_now[:, None], t)

        # What gradients are multiplied with is overwritten with the products, step by step.
        of_state, of_gates = lax.fori_loop(0, size, step, (of_state, to_gates))
        of_both += _contract("grd,grk->gdk", _rows(read), _rows(of_gates), precision)
        of_inputs = _put(of_inputs, _matmul(of_gates, to_inputs, precision), start)
        return of_state, of_both, of_bias + jnp.sum(of_gates, axis=(1, 2)), of_inputs

    start = (
        (zeros if keep_all else gradient, zeros),
        jnp.zeros_like(both),
        jnp.zeros_like(bias),
        jnp.zeros_like(inputs),
    )
    _, of_both, of_bias, of_inputs = _over_chunks(of_chunk, start, steps=steps, chunk=chunk, reverse=True)
    return of_inputs, *_halved(_Weights(of_both[:, :width], of_both[:, width:], of_bias))


scan_lstm.defvjp(_run_and_keep, _gradient)


class BidirectionalLSTM(nn.Module):
    """One bidirectional layer, or only its backward direction where nothing reads the other.

    Attributes:
        hidden: width H of each direction.
        kernel_init: initialiser of both weight matrices.
        bias_init: initialiser of the `[…, directions, 4H]` bias.
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
        """Runs the layer; leading axes, of inputs and parameters alike, are of models with weights of their own.

        Args:
            inputs: `[…, T, B, D]`.

        Returns:
            `[…, T, B, 2H]`, forward then backward; of the last layer `[…, B, H]`, the backward direction's state
            after it has read the first sample.
        """
        *models, steps, batch, width = inputs.shape
        leading = (*models, 1 if self.last else 2)
        kernel = self.param("kernel", self.kernel_init, (*leading, width, 4 * self.hidden))
        recurrent = self.param("recurrent", self.kernel_init, (*leading, self.hidden, 4 * self.hidden))
        bias = self.param("bias", self.bias_init, (*leading, 4 * self.hidden))
        # NumPy arrays that a jitted function closes over are no constants that `scan_lstm`'s own gradient takes.
        weights = (jnp.reshape(w, (-1, *w.shape[len(leading) :])) for w in (kernel, recurrent, bias))

        back = jnp.flip(inputs, axis=-3)
        streams = jnp.stack([back] if self.last else [inputs, back], axis=-4).reshape(-1, steps, batch, width)
        states = scan_lstm(streams, *weights, not self.last, CHUNK, self.precision)
        if self.last:
            return states.reshape(*models, batch, self.hidden)
        forward, back = jnp.unstack(states.reshape(*leading, steps, batch, self.hidden), axis=-4)
        return jnp.concatenate([forward, jnp.flip(back, axis=-3)], axis=-1)
