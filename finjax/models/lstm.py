"""The recurrent core: bidirectional LSTM layers, all directions and models advancing together over time."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax
from jax.ad_checkpoint import checkpoint_name

STATES = "lstm_states"  # the name by which `jax.checkpoint_policies` know those of layers between others
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
    """Runs LSTMs over time from a zero state, forward and back, or back alone.

    A step is one `tanh` of all gates: σ(z) = ½ + ½ tanh(z/2). Time passes in chunks, so that what a step reads
    is in the cache: the inputs of a chunk are projected at once, and the gradient, which is written out below,
    computes a chunk's gates again, all steps at once, with everything that does not depend on later steps, then
    goes back step by step, and adds up the weights' gradients at once. For reverse differentiation only.

    Gates are in the order input, forget, cell, output. Inside, each direction of each model is an LSTM of its own:
    `G` counts them all. Their time begins where they begin to read, for one that runs back at the last sample.

    Args:
        inputs: `[N, T, B, D]` of N models.
        kernel: `[N, R, D, 4H]` weights of the inputs, of R = 2 directions, forward and back, or of R = 1, back.
        recurrent: `[N, R, H, 4H]` weights of the hidden state.
        bias: `[N, R, 4H]`.
        keep_all: whether to return the hidden state of every step or of the last one only.
        chunk: steps in a chunk.
        precision: dtype of what is multiplied in matmuls; sums and states are float32.

    Returns:
        Hidden states `[N, T, B, R × H]`, or `[N, B, R × H]` after the last step of each direction.
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


# --- Directions: chunks of their own time, `[G, size, B, …]`, from and to arrays in time `[N, T, B, …]` -----------


def _places(steps: int, start: jax.Array, size: int, directions: int) -> list[tuple[jax.Array, bool]]:
    """Returns, for each direction, where its chunk begins in time, and whether it runs back there."""
    back = (steps - start - size, True)
    return [back] if directions == 1 else [(start, False), back]


def _read(values: jax.Array, start: jax.Array, size: int, directions: int, *, own: bool = False) -> jax.Array:
    """Takes a chunk of each direction, of all features `[N, T, B, D]` or only of its `own` of `[N, T, B, R × H]`."""
    parts = []
    for number, (first, runs_back) in enumerate(_places(values.shape[1], start, size, directions)):
        part = _part(values, first, size)
        part = jnp.split(part, directions, axis=-1)[number] if own else part
        parts.append(jnp.flip(part, axis=1) if runs_back else part)
    return jnp.stack(parts, axis=1).reshape(-1, *parts[0].shape[1:])


def _write(values: jax.Array, chunk: jax.Array, start: jax.Array, directions: int, *, own: bool = False) -> jax.Array:
    """Adds a chunk of each direction to `[N, T, B, D]`, or puts it in its `own` place of `[N, T, B, R × H]`."""
    size, width = chunk.shape[1], chunk.shape[-1]
    parts = jnp.unstack(chunk.reshape(len(values), directions, *chunk.shape[1:]), axis=1)
    for number, (first, runs_back) in enumerate(_places(values.shape[1], start, size, directions)):
        part = jnp.flip(parts[number], axis=1) if runs_back else parts[number]
        if own:
            values = lax.dynamic_update_slice(values, part, (0, first, 0, number * width))
        else:
            values = _put(values, _part(values, first, size) + part, first)
    return values


def _side_by_side(states: jax.Array, models: int) -> jax.Array:
    """Maps `[N × R, B, H]` to `[N, B, R × H]`."""
    return jnp.concatenate(jnp.unstack(states.reshape(models, -1, *states.shape[1:]), axis=1), axis=-1)


def _apart(states: jax.Array, directions: int) -> jax.Array:
    """Maps `[N, B, R × H]` to `[N × R, B, H]`."""
    parts = jnp.stack(jnp.split(states, directions, axis=-1), axis=1)
    return parts.reshape(-1, *parts.shape[2:])


# --- Forward and back -----------------------------------------------------------------------------


def _run_and_keep(inputs, kernel, recurrent, bias, keep_all, chunk, precision):
    models, directions = kernel.shape[:2]
    weights = _halved(_Weights(*(w.reshape(-1, *w.shape[2:]) for w in (kernel, recurrent, bias))))
    last, hidden, before_chunks = _forward(inputs, weights, directions, chunk, precision)
    if keep_all and inputs.shape[-1] > 1:
        hidden, before_chunks = checkpoint_name((hidden, before_chunks), STATES)
    return hidden if keep_all else _side_by_side(last, models), (inputs, weights, hidden, before_chunks)


def _forward(inputs: jax.Array, weights: _Weights, directions: int, chunk: int, precision: str) -> tuple:
    """Takes all steps.

    Returns:
        The last hidden state `[G, B, H]`; hidden states `[N, T, B, R × H]`; and hidden state and cell before each chunk
        `[G, chunks, B, H]`. What of it nobody reads, XLA leaves out.
    """
    kernel, recurrent, bias = weights
    models, steps, batch, width = inputs.shape
    groups, size_of_state, _ = recurrent.shape
    zeros = jnp.zeros((groups, batch, size_of_state), inputs.dtype)

    def of_chunk(carry, start, size):
        state, all_hidden, before_chunks = carry
        before_chunks = [
            _put(kept, now[:, None], start // chunk) for kept, now in zip(before_chunks, state, strict=True)
        ]
        projected = _read(inputs, start, size, directions)
        if width > 1:
            projected = _matmul(projected, kernel, precision)

        def step(t, carry):
            hidden, cell, chunk_hidden = carry
            now = _at(projected, t) * kernel if width == 1 else _at(projected, t)
            active = jnp.tanh(now + bias[:, None] + _matmul(hidden, recurrent, precision))  # [G, B, 4H]
            update, forget, candidate, output = _gates(active)
            cell = _sigmoid_of(forget) * cell + _sigmoid_of(update) * candidate
            hidden = _sigmoid_of(output) * jnp.tanh(cell)
            return hidden, cell, _put(chunk_hidden, hidden[:, None], t)

        room = jnp.zeros((groups, size, *zeros.shape[1:]), zeros.dtype)
        *state, chunk_hidden = lax.fori_loop(0, size, step, (*state, room))
        return state, _write(all_hidden, chunk_hidden, start, directions, own=True), before_chunks

    room = jnp.zeros((groups, -(-steps // chunk), *zeros.shape[1:]), zeros.dtype)
    all_hidden = jnp.zeros((models, steps, batch, directions * size_of_state), zeros.dtype)
    start = [zeros, zeros], all_hidden, [room, room]
    (last, _), all_hidden, before_chunks = _over_chunks(of_chunk, start, steps=steps, chunk=chunk)
    return last, all_hidden, before_chunks


def _cells(first: jax.Array, forgotten: jax.Array, added: jax.Array) -> jax.Array:
    """Returns cells `[G, 1 + K, B, H]`, from the first on: each forgets of the one before, and adds."""

    def step(t, carry):
        cell, cells = carry
        cell = _at(forgotten, t) * cell + _at(added, t)
        return cell, _put(cells, cell[:, None], t + 1)

    groups, steps, *shape = added.shape
    cells = _put(jnp.zeros((groups, 1 + steps, *shape), added.dtype), first[:, None], 0)
    return lax.fori_loop(0, steps, step, (first, cells))[1]


def _gradient(keep_all, chunk, precision, kept, gradient):
    inputs, (kernel, recurrent, bias), all_hidden, before_chunks = kept
    models, steps, _, width = inputs.shape
    directions = len(kernel) // models
    to_hidden, to_inputs = recurrent.swapaxes(1, 2), kernel.swapaxes(1, 2)
    both = jnp.concatenate([kernel, recurrent], axis=1)

    def of_chunk(carry, start, size):
        of_state, of_both, of_bias, of_inputs = carry
        first_hidden, first_cell = (_at(kept, start // chunk) for kept in before_chunks)
        hidden = _read(all_hidden, start, size, directions, own=True)
        hidden = jnp.concatenate([first_hidden[:, None], hidden[:, :-1]], axis=1)
        read = jnp.concatenate([_read(inputs, start, size, directions), hidden], axis=-1)
        active = jnp.tanh(_matmul(read, both, precision) + bias[:, None, None])  # [G, K, B, 4H]
        update, forget, candidate, output = _gates(active)
        to_cell_before = _sigmoid_of(forget)
        cells = _cells(first_cell, to_cell_before, _sigmoid_of(update) * candidate)
        squashed = jnp.tanh(cells[:, 1:])
        to_cell = _sigmoid_of(output) * (1 - squashed**2)
        to_gates = jnp.concatenate([candidate, cells[:, :-1], 1 + update, squashed], axis=-1)
        to_gates = 0.5 * to_gates * (1 - active**2)  # of halved weights
        of_chunk_hidden = _read(gradient, start, size, directions, own=True) if keep_all else None

        def step(number, carry):
            (of_hidden, of_cell), of_gates = carry
            t = size - 1 - number
            if keep_all:
                of_hidden = of_hidden + _at(of_chunk_hidden, t)
            of_cell = of_cell + of_hidden * _at(to_cell, t)
            of_now = jnp.concatenate([of_cell, of_cell, of_cell, of_hidden], axis=-1) * _at(of_gates, t)  # [G, B, 4H]
            of_state = _matmul(of_now, to_hidden, precision), of_cell * _at(to_cell_before, t)
            return of_state, _put(of_gates, of_now[:, None], t)

        # What gradients are multiplied with is overwritten with the products, step by step.
        of_state, of_gates = lax.fori_loop(0, size, step, (of_state, to_gates))
        of_both += _contract("grd,grk->gdk", _rows(read), _rows(of_gates), precision)
        of_inputs = _write(of_inputs, _matmul(of_gates, to_inputs, precision), start, directions)
        return of_state, of_both, of_bias + jnp.sum(of_gates, axis=(1, 2)), of_inputs

    zeros = jnp.zeros_like(before_chunks[0][:, 0])
    start = (
        (zeros if keep_all else _apart(gradient, directions), zeros),
        jnp.zeros_like(both),
        jnp.zeros_like(bias),
        jnp.zeros_like(inputs),
    )
    _, of_both, of_bias, of_inputs = _over_chunks(of_chunk, start, steps=steps, chunk=chunk, reverse=True)
    of_weights = _halved(_Weights(of_both[:, :width], of_both[:, width:], of_bias))
    return of_inputs, *(w.reshape(models, directions, *w.shape[1:]) for w in of_weights)


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
        weights = (jnp.reshape(w, (-1, *w.shape[len(models) :])) for w in (kernel, recurrent, bias))
        states = scan_lstm(inputs.reshape(-1, steps, batch, width), *weights, not self.last, CHUNK, self.precision)
        return states.reshape(*models, *states.shape[1:])
