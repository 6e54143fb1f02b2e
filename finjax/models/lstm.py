"""The recurrent core: bidirectional LSTM layers, all directions and models advancing together over time."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

# Time steps whose gates are in memory at a time: with a tile's batch they fit a core's cache.
CPU_CHUNK = 20


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
    chunk: int = 0,
    precision: str = "float32",
) -> jax.Array:
    """Runs LSTMs over time from a zero state.

    A direction of a layer is an LSTM of its own, and so is that of another model: `G` counts them all. Gates are
    in the order input, forget, cell, output.

    A step is one `tanh` of all gates: σ(z) = ½ + ½ tanh(z/2). Time passes in chunks, so that what a step reads
    is in the cache: the inputs of a chunk are projected at once, and the gradient, which is written out below,
    computes a chunk's gates again, takes everything from them that does not depend on later steps at once,
    then goes back step by step, and adds up the weights' gradients at once. For reverse differentiation only.

    Args:
        inputs: `[G, T, B, D]`.
        kernel: `[G, D, 4H]` weights of the inputs.
        recurrent: `[G, H, 4H]` weights of the hidden state.
        bias: `[G, 4H]`.
        keep_all: whether to return the hidden state of every step or of the last one only.
        chunk: steps in a chunk; 0 is all of them, whose gates are then kept for the gradient.
        precision: dtype of what is multiplied in matmuls; sums and states are float32.

    Returns:
        Hidden states `[G, T, B, H]`, or `[G, B, H]` after the last step.
    """
    weights = _halved(_Weights(kernel, recurrent, bias))
    hidden, last, _ = _forward(inputs, weights, chunk, precision, keep_hidden=keep_all, keep_rest=False)
    return hidden[:, 1:] if keep_all else last


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
    carry = lax.fori_loop(0, whole, of_whole, carry)
    if rest and not reverse:
        carry = of_chunk(carry, whole * chunk, rest)
    return carry


# --- Forward and back -----------------------------------------------------------------------------


def _advance(inputs: jax.Array, weights: _Weights, state: Any, keep: Callable, kept: Any, precision: str) -> Any:
    """Takes the steps of `inputs` `[G, K, B, D]`.

    Args:
        inputs: of a chunk.
        weights: halved.
        state: hidden state and cell before the first step.
        keep: `keep(kept, t, active, hidden, cell) → kept` after each step.
        kept: what it starts with.
        precision: see `scan_lstm`.

    Returns:
        State after the last step, and `kept`.
    """
    kernel, recurrent, bias = weights
    single = kernel.shape[1] == 1  # is no matmul
    projected = inputs if single else _matmul(inputs, kernel, precision)

    def step(t, carry):
        (hidden, cell), kept = carry
        now = _at(projected, t) * kernel if single else _at(projected, t)
        active = jnp.tanh(now + bias[:, None] + _matmul(hidden, recurrent, precision))  # [G, B, 4H]
        update, forget, candidate, output = _gates(active)
        cell = _sigmoid_of(forget) * cell + _sigmoid_of(update) * candidate
        hidden = _sigmoid_of(output) * jnp.tanh(cell)
        return (hidden, cell), keep(kept, t, active, hidden, cell)

    return lax.fori_loop(0, inputs.shape[1], step, (state, kept))


class _Kept(NamedTuple):
    """What the gradient needs besides inputs, weights and hidden states; `chunk` 0 keeps all, and else starts only.

    Attributes:
        cells: `[G, chunks, B, H]` before each chunk, or `[G, 1 + T, B, H]`.
        active: `[G, T, B, 4H]`, or nothing.
    """

    cells: jax.Array
    active: jax.Array | None


def _forward(
    inputs: jax.Array, weights: _Weights, chunk: int, precision: str, *, keep_hidden: bool, keep_rest: bool
) -> tuple[jax.Array | None, jax.Array, _Kept | None]:
    """Returns hidden states `[G, 1 + T, B, H]`, with the zeros before the first step, the last one, and the rest."""
    groups, steps, batch, _ = inputs.shape
    zeros = jnp.zeros((groups, batch, weights.recurrent.shape[1]), inputs.dtype)

    def room(size: int, width: int = 1) -> jax.Array:
        return jnp.zeros((groups, size, batch, width * zeros.shape[-1]), inputs.dtype)

    every = keep_rest and not chunk
    hidden = room(1 + steps) if keep_hidden else None
    rest = (
        _Kept(room(1 + steps if every else -(-steps // chunk)), room(steps, 4) if every else None)
        if keep_rest
        else None
    )

    def of_chunk(carry, start, size):
        state, (hidden, rest) = carry
        if rest and not every:
            rest = rest._replace(cells=_put(rest.cells, state[1][:, None], start // chunk))

        def keep(kept, t, active, now, cell):
            hidden, rest = kept
            if keep_hidden:
                hidden = _put(hidden, now[:, None], start + t + 1)
            if every:
                rest = _Kept(
                    _put(rest.cells, cell[:, None], start + t + 1), _put(rest.active, active[:, None], start + t)
                )
            return hidden, rest

        return _advance(_part(inputs, start, size), weights, state, keep, (hidden, rest), precision)

    start = ((zeros, zeros), (hidden, rest))
    (last, _), (hidden, rest) = _over_chunks(of_chunk, start, steps=steps, chunk=chunk or steps)
    return hidden, last, rest


def _run_and_keep(inputs, kernel, recurrent, bias, keep_all, chunk, precision):
    weights = _halved(_Weights(kernel, recurrent, bias))
    hidden, last, rest = _forward(inputs, weights, chunk, precision, keep_hidden=True, keep_rest=True)
    return hidden[:, 1:] if keep_all else last, (inputs, weights, hidden, rest)


def _gradient(keep_all, chunk, precision, residuals, gradient):
    inputs, weights, hidden, rest = residuals
    steps, width = inputs.shape[1], inputs.shape[-1]
    zeros = jnp.zeros_like(hidden[:, 0])
    to_hidden, to_inputs = (w.swapaxes(1, 2) for w in (weights.recurrent, weights.kernel))

    def gates_and_cells(inputs, start, size):
        """Returns activations `[G, K, B, 4H]` of a chunk, and cells `[G, 1 + K, B, H]`."""
        if not chunk:
            return rest.active, rest.cells

        def keep(kept, t, active, _, cell):
            return _put(kept[0], active[:, None], t), _put(kept[1], cell[:, None], t + 1)

        state = _at(hidden, start), _at(rest.cells, start // chunk)
        active = jnp.zeros((*inputs.shape[:3], weights.bias.shape[-1]), inputs.dtype)
        cells = jnp.zeros((len(zeros), 1 + size, *zeros.shape[1:]), zeros.dtype)
        return _advance(inputs, weights, state, keep, (active, _put(cells, state[1][:, None], 0)), precision)[1]

    def of_chunk(carry, start, size):
        of_state, of_weights, of_bias, of_inputs = carry
        x = _part(inputs, start, size)
        active, cells = gates_and_cells(x, start, size)
        update, forget, candidate, output = _gates(active)
        squashed = jnp.tanh(cells[:, 1:])
        # What a step multiplies the gradients of its cell (three times) and of its hidden state with.
        to_update = 0.5 * candidate * (1 - update**2)
        to_forget = 0.5 * cells[:, :-1] * (1 - forget**2)
        to_candidate = _sigmoid_of(update) * (1 - candidate**2)
        to_output = 0.5 * squashed * (1 - output**2)
        to_cell = _sigmoid_of(output) * (1 - squashed**2)
        to_cell_before = _sigmoid_of(forget)

        def step(number, carry):
            (of_hidden, of_cell), of_gates = carry
            t = size - 1 - number
            if keep_all:
                of_hidden = of_hidden + _at(gradient, start + t)
            of_cell = of_cell + of_hidden * _at(to_cell, t)
            of_now = jnp.concatenate(
                [
                    of_cell * _at(to_update, t),
                    of_cell * _at(to_forget, t),
                    of_cell * _at(to_candidate, t),
                    of_hidden * _at(to_output, t),
                ],
                axis=-1,
            )  # [G, B, 4H], of halved weights
            of_state = _matmul(of_now, to_hidden, precision), of_cell * _at(to_cell_before, t)
            return of_state, _put(of_gates, of_now[:, None], t)

        of_state, of_gates = lax.fori_loop(0, size, step, (of_state, active))
        read = jnp.concatenate([x, _part(hidden, start, size)], axis=-1)
        of_weights += _contract("grd,grk->gdk", _rows(read), _rows(of_gates), precision)
        of_inputs = _put(of_inputs, _matmul(of_gates, to_inputs, precision), start)
        return of_state, of_weights, of_bias + jnp.sum(of_gates, axis=(1, 2)), of_inputs

    start = (
        (zeros if keep_all else gradient, zeros),
        jnp.zeros_like(jnp.concatenate([weights.kernel, weights.recurrent], axis=1)),
        jnp.zeros_like(weights.bias),
        jnp.zeros_like(inputs),
    )
    _, of_weights, of_bias, of_inputs = _over_chunks(of_chunk, start, steps=steps, chunk=chunk or steps, reverse=True)
    return of_inputs, *_halved(_Weights(of_weights[:, :width], of_weights[:, width:], of_bias))


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
        chunk = min(CPU_CHUNK, steps) if jax.default_backend() == "cpu" else 0
        states = scan_lstm(streams, *weights, not self.last, chunk, self.precision)
        if self.last:
            return states.reshape(*models, batch, self.hidden)
        forward, back = jnp.unstack(states.reshape(*leading, steps, batch, self.hidden), axis=-4)
        return jnp.concatenate([forward, jnp.flip(back, axis=-3)], axis=-1)
