"""Bidirectional LSTM layers; all directions and models advance together over time."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple, cast

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax
from jax.ad_checkpoint import checkpoint_name

from finjax.models.lstm_chunks import (
    Index,
    join_directions,
    loop_over_chunks,
    put_steps,
    read_chunk,
    split_directions,
    step_at,
    steps_from,
    write_chunk,
)

STATES = "lstm_states"  # name for `jax.checkpoint_policies` of the states of the middle layers
CHUNK = 20  # time steps whose gates are in memory at a time; for a small batch these fit a core's cache
KEPT_STEPS = 60  # time steps up to which the gates of a single model are kept for its gradient: they fit that cache too


class _Weights(NamedTuple):
    """Weights of G LSTMs: of the inputs `[G, D, 4H]`, of the hidden state `[G, H, 4H]`, and bias `[G, 4H]`."""

    kernel: jax.Array
    recurrent: jax.Array
    bias: jax.Array


# Inputs, weights, hidden states `[N, T, B, R × H]`, hidden state and cell before each chunk `[G, chunks, B, H]`, and
# the active gates `[G, T, B, 4H]` if they are kept.
_Saved = tuple[jax.Array, _Weights, jax.Array, list[jax.Array], jax.Array | None]


@functools.partial(jax.custom_vjp, nondiff_argnums=(4, 5, 6, 7))
def scan_lstm(
    inputs: jax.Array,
    kernel: jax.Array,
    recurrent: jax.Array,
    bias: jax.Array,
    keep_all: bool,
    chunk: int = CHUNK,
    precision: str = "float32",
    keep_gates: bool = False,
) -> jax.Array:
    """Runs LSTMs over time from a zero state, forward and backward, or only backward.

    A step computes all gates by one `tanh`: σ(z) = ½ + ½ tanh(z/2). Time is processed in chunks, so that the data of a
    step is in the cache: the inputs of a chunk are projected at once. The gradient, written by hand below, computes the
    gates of a chunk again (unless they are kept), all steps at once, with everything that does not depend on later
    steps; then it goes back step by step, and sums the gradients of the weights at once. Only reverse-mode
    differentiation works.

    Gates are in the order input, forget, cell, output. Internally, each direction of each model is a separate LSTM; `G`
    is their number. The time of an LSTM starts where it starts to read: at the last sample for a backward one.

    Args:
        inputs: `[N, T, B, D]` of N models.
        kernel: `[N, R, D, 4H]` weights of the inputs; R = 2 directions, forward and backward, or R = 1, backward.
        recurrent: `[N, R, H, 4H]` weights of the hidden state.
        bias: `[N, R, 4H]`.
        keep_all: whether to return the hidden state of every step, or only of the last one.
        chunk: steps in a chunk.
        precision: dtype of the factors in matmuls; sums and states are float32.
        keep_gates: whether the gates are kept for the gradient, not computed again.

    Returns:
        Hidden states `[N, T, B, R × H]`, or `[N, B, R × H]` after the last step of each direction.
    """
    return _run_for_gradient(inputs, kernel, recurrent, bias, keep_all, chunk, precision, keep_gates)[0]


def _halved(weights: _Weights) -> _Weights:
    """Halves the weights of the three sigmoid gates; this is exact, as ½ is a power of 2."""
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


# --- Forward and backward -----------------------------------------------------------------------------


def _run_for_gradient(
    inputs: jax.Array,
    kernel: jax.Array,
    recurrent: jax.Array,
    bias: jax.Array,
    keep_all: bool,
    chunk: int,
    precision: str,
    keep_gates: bool,
) -> tuple[jax.Array, _Saved]:
    """Returns the result of `scan_lstm`, and what its gradient needs."""
    models, directions = kernel.shape[:2]
    weights = _halved(_Weights(*(w.reshape(-1, *w.shape[2:]) for w in (kernel, recurrent, bias))))
    last, hidden, before_chunks, gates = _forward(inputs, weights, directions, chunk, precision, keep_gates)
    if keep_all and inputs.shape[-1] > 1:
        hidden, before_chunks = checkpoint_name((hidden, before_chunks), STATES)
    return hidden if keep_all else join_directions(last, models), (inputs, weights, hidden, before_chunks, gates)


def _forward(
    inputs: jax.Array, weights: _Weights, directions: int, chunk: int, precision: str, keep_gates: bool
) -> tuple[jax.Array, jax.Array, list[jax.Array], jax.Array | None]:
    """Computes all steps.

    Returns:
        The last hidden state `[G, B, H]`; hidden states `[N, T, B, R × H]`; hidden state and cell before each chunk
        `[G, chunks, B, H]`; and with `keep_gates` the active gates `[G, T, B, 4H]`. XLA omits results that are not
        used.
    """
    kernel, recurrent, bias = weights
    models, steps, batch, width = inputs.shape
    groups, hidden_size, _ = recurrent.shape
    zeros = jnp.zeros((groups, batch, hidden_size), inputs.dtype)

    def forward_chunk(carry: Any, start: Index, size: int) -> Any:
        state, all_hidden, before_chunks, all_gates = carry
        before_chunks = [
            put_steps(saved, now[:, None], start // chunk) for saved, now in zip(before_chunks, state, strict=True)
        ]
        projected = read_chunk(inputs, start, size, directions)
        if width > 1:
            projected = _matmul(projected, kernel, precision)

        def step(t: Index, carry: Any) -> Any:
            hidden, cell, chunk_hidden, gates = carry
            now = step_at(projected, t) * kernel if width == 1 else step_at(projected, t)
            active = jnp.tanh(now + bias[:, None] + _matmul(hidden, recurrent, precision))  # [G, B, 4H]
            update, forget, candidate, output = _gates(active)
            cell = _sigmoid_of(forget) * cell + _sigmoid_of(update) * candidate
            hidden = _sigmoid_of(output) * jnp.tanh(cell)
            if gates is not None:
                gates = put_steps(gates, active[:, None], start + t)
            return hidden, cell, put_steps(chunk_hidden, hidden[:, None], t), gates

        empty = jnp.zeros((groups, size, *zeros.shape[1:]), zeros.dtype)
        *state, chunk_hidden, all_gates = lax.fori_loop(0, size, step, (*state, empty, all_gates))
        return state, write_chunk(all_hidden, chunk_hidden, start, directions, own=True), before_chunks, all_gates

    empty = jnp.zeros((groups, -(-steps // chunk), *zeros.shape[1:]), zeros.dtype)
    all_hidden = jnp.zeros((models, steps, batch, directions * hidden_size), zeros.dtype)
    gates = jnp.zeros((groups, steps, batch, 4 * hidden_size), zeros.dtype) if keep_gates else None
    start = [zeros, zeros], all_hidden, [empty, empty], gates
    (last, _), *saved = loop_over_chunks(forward_chunk, start, steps=steps, chunk=chunk)
    return last, *saved


def _cells(first: jax.Array, forget: jax.Array, added: jax.Array) -> jax.Array:
    """Returns the cells `[G, 1 + K, B, H]`, from `first` on; forget gates and added values are `[G, K, B, H]`."""

    def step(t: Index, carry: Any) -> Any:
        cell, cells = carry
        cell = step_at(forget, t) * cell + step_at(added, t)
        return cell, put_steps(cells, cell[:, None], t + 1)

    groups, steps, *shape = added.shape
    cells = put_steps(jnp.zeros((groups, 1 + steps, *shape), added.dtype), first[:, None], 0)
    return lax.fori_loop(0, steps, step, (first, cells))[1]


def _gradient(
    keep_all: bool, chunk: int, precision: str, keep_gates: bool, saved: _Saved, gradient: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    """Returns the gradients of inputs, kernel, recurrent and bias; `gradient` is that of the result."""
    del keep_gates
    inputs, (kernel, recurrent, bias), all_hidden, before_chunks, all_gates = saved
    models, steps, _, width = inputs.shape
    directions = len(kernel) // models
    recurrent_transposed, kernel_transposed = recurrent.swapaxes(1, 2), kernel.swapaxes(1, 2)
    both = jnp.concatenate([kernel, recurrent], axis=1)

    def backward_chunk(carry: Any, start: Index, size: int) -> Any:
        grad_state, grad_both, grad_bias, grad_inputs = carry
        first_hidden, first_cell = (step_at(saved, start // chunk) for saved in before_chunks)
        hidden = read_chunk(all_hidden, start, size, directions, own=True)
        hidden = jnp.concatenate([first_hidden[:, None], hidden[:, :-1]], axis=1)
        read = jnp.concatenate([read_chunk(inputs, start, size, directions), hidden], axis=-1)
        if all_gates is None:
            active = jnp.tanh(_matmul(read, both, precision) + bias[:, None, None])  # [G, K, B, 4H]
        else:
            active = steps_from(all_gates, start, size)
        update, forget, candidate, output = _gates(active)
        forget_gate = _sigmoid_of(forget)
        cells = _cells(first_cell, forget_gate, _sigmoid_of(update) * candidate)
        tanh_cell = jnp.tanh(cells[:, 1:])
        cell_factor = _sigmoid_of(output) * (1 - tanh_cell**2)
        gate_factors = jnp.concatenate([candidate, cells[:, :-1], 1 + update, tanh_cell], axis=-1)
        gate_factors = 0.5 * gate_factors * (1 - active**2)  # ½ because the weights are halved
        outer_grad_hidden = read_chunk(gradient, start, size, directions, own=True) if keep_all else None

        def step(number: Index, carry: Any) -> Any:
            (grad_hidden, grad_cell), grad_gates = carry
            t = size - 1 - number
            if outer_grad_hidden is not None:
                grad_hidden = grad_hidden + step_at(outer_grad_hidden, t)
            grad_cell = grad_cell + grad_hidden * step_at(cell_factor, t)
            grad_now = jnp.concatenate([grad_cell, grad_cell, grad_cell, grad_hidden], axis=-1)  # [G, B, 4H]
            grad_now = grad_now * step_at(grad_gates, t)
            grad_state = _matmul(grad_now, recurrent_transposed, precision), grad_cell * step_at(forget_gate, t)
            return grad_state, put_steps(grad_gates, grad_now[:, None], t)

        # Each step overwrites its factors with the gradients.
        grad_state, grad_gates = lax.fori_loop(0, size, step, (grad_state, gate_factors))
        grad_both += _contract("grd,grk->gdk", _rows(read), _rows(grad_gates), precision)
        grad_inputs = write_chunk(grad_inputs, _matmul(grad_gates, kernel_transposed, precision), start, directions)
        return grad_state, grad_both, grad_bias + jnp.sum(grad_gates, axis=(1, 2)), grad_inputs

    zeros = jnp.zeros_like(before_chunks[0][:, 0])
    start = (
        (zeros if keep_all else split_directions(gradient, directions), zeros),
        jnp.zeros_like(both),
        jnp.zeros_like(bias),
        jnp.zeros_like(inputs),
    )
    _, grad_both, grad_bias, grad_inputs = loop_over_chunks(
        backward_chunk, start, steps=steps, chunk=chunk, reverse=True
    )
    grad_weights = _halved(_Weights(grad_both[:, :width], grad_both[:, width:], grad_bias))
    grad_kernel, grad_recurrent, grad_bias = (w.reshape(models, directions, *w.shape[1:]) for w in grad_weights)
    return grad_inputs, grad_kernel, grad_recurrent, grad_bias


scan_lstm.defvjp(_run_for_gradient, _gradient)


class BidirectionalLSTM(nn.Module):
    """A bidirectional layer, or only its backward direction if nothing reads the other.

    Attributes:
        hidden: width H of each direction.
        kernel_init: initialiser of both weight matrices.
        bias_init: initialiser of the `[…, directions, 4H]` bias.
        last: whether this is the last layer; only the final state of its backward direction is computed.
        precision: see `scan_lstm`.
    """

    hidden: int
    kernel_init: Callable[..., jax.Array]
    bias_init: Callable[..., jax.Array]
    last: bool = False
    precision: str = "float32"

    @nn.compact
    def __call__(self, inputs: jax.Array) -> jax.Array:
        """Runs the layer; leading axes of inputs and parameters are models with their own weights.

        Args:
            inputs: `[…, T, B, D]`.

        Returns:
            `[…, T, B, 2H]`, forward then backward. For the last layer `[…, B, H]`, the state of the backward direction
            after the first sample.
        """
        *models, steps, batch, width = inputs.shape
        leading = (*models, 1 if self.last else 2)
        kernel = self.param("kernel", self.kernel_init, (*leading, width, 4 * self.hidden))
        recurrent = self.param("recurrent", self.kernel_init, (*leading, self.hidden, 4 * self.hidden))
        bias = self.param("bias", self.bias_init, (*leading, 4 * self.hidden))
        # `scan_lstm`'s gradient does not accept NumPy arrays that a jitted function closes over.
        weights = (jnp.reshape(w, (-1, *w.shape[len(models) :])) for w in (kernel, recurrent, bias))
        keep_gates = not models and steps <= KEPT_STEPS
        inputs = inputs.reshape(-1, steps, batch, width)
        scanned = scan_lstm(inputs, *weights, not self.last, CHUNK, self.precision, keep_gates)
        states = cast(jax.Array, scanned)  # custom_vjp hides the type
        return states.reshape(*models, *states.shape[1:])
