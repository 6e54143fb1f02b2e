"""The recurrent core against an LSTM written plainly and differentiated by JAX."""

import itertools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from rounding import assert_close

from finjax.models.initialisers import uniform
from finjax.models.lstm import BidirectionalLSTM, scan_lstm

pytestmark = pytest.mark.numerics

TIME, MODELS, BATCH, HIDDEN = 40, 2, 3, 5
CHUNKS = (1, 7, 20, 100)  # of a step, with a shorter one, without, one that is not full
QUICK = ((2, 4, True, 7), (2, 4, False, 20))  # directions, width, keep_all, chunk


def plain_lstm(inputs, kernel, recurrent, bias, keep_all):
    """Returns what `scan_lstm` does: a direction after another, the last one back."""
    directions = []
    for number, weights in enumerate(zip(*(jnp.unstack(w, axis=1) for w in (kernel, recurrent, bias)), strict=True)):
        runs_back = number == kernel.shape[1] - 1
        states = plain_direction(jnp.flip(inputs, axis=1) if runs_back else inputs, *weights, keep_all)
        directions.append(jnp.flip(states, axis=1) if runs_back and keep_all else states)
    return jnp.concatenate(directions, axis=-1)


def plain_direction(inputs, kernel, recurrent, bias, keep_all):
    def step(state, now):
        hidden, cell = state
        gates = jnp.einsum("gbd,gdk->gbk", now, kernel) + jnp.einsum("gbh,ghk->gbk", hidden, recurrent)
        update, forget, candidate, output = jnp.split(gates + bias[:, None], 4, axis=-1)
        cell = nn.sigmoid(forget) * cell + nn.sigmoid(update) * jnp.tanh(candidate)
        hidden = nn.sigmoid(output) * jnp.tanh(cell)
        return (hidden, cell), hidden

    zeros = jnp.zeros((len(inputs), inputs.shape[2], recurrent.shape[1]))
    (last, _), states = lax.scan(step, (zeros, zeros), inputs.swapaxes(0, 1))
    return states.swapaxes(0, 1) if keep_all else last


def problem(width, directions=2):
    shapes = [
        (MODELS, TIME, BATCH, width),
        (MODELS, directions, width, 4 * HIDDEN),
        (MODELS, directions, HIDDEN, 4 * HIDDEN),
        (MODELS, directions, 4 * HIDDEN),
    ]
    keys = jax.random.split(jax.random.key(width), len(shapes))
    return [jax.random.normal(key, shape) for key, shape in zip(keys, shapes, strict=True)]


def close(ours, plain):
    for mine, theirs in zip(jax.tree.leaves(ours), jax.tree.leaves(plain), strict=True):
        assert_close(mine, theirs, terms=TIME * (HIDDEN + 4))  # as many products in a state


@pytest.mark.parametrize(
    ("directions", "width", "keep_all", "chunk"),
    [
        pytest.param(*case, marks=[] if case in QUICK else pytest.mark.slow)
        for case in itertools.product([1, 2], [1, 4], [True, False], CHUNKS)
    ],
)
def test_states_and_gradients_are_those_of_a_plain_lstm(directions, width, keep_all, chunk):
    arguments = problem(width, directions)
    states = plain_lstm(*arguments, keep_all)
    weights = jax.random.normal(jax.random.key(9), states.shape)  # so that every state matters, each in its own way

    def gradients(lstm, *settings):
        def loss(*arrays):
            return jnp.sum(weights * lstm(*arrays, keep_all, *settings))

        return jax.jit(jax.grad(loss, argnums=(0, 1, 2, 3)))(*arguments)

    close(scan_lstm(*arguments, keep_all, chunk), states)
    for keep_gates in (False, True):
        close(gradients(scan_lstm, chunk, "float32", keep_gates), gradients(plain_lstm))


@pytest.mark.slow
@pytest.mark.parametrize("last", [True, False])
def test_models_of_leading_axes_equal_separate_models(last):
    init = uniform(HIDDEN)
    layer = BidirectionalLSTM(hidden=HIDDEN, kernel_init=init, bias_init=init, last=last)
    inputs = jax.random.normal(jax.random.key(1), (2, 3, TIME, BATCH, 4))
    params = layer.init(jax.random.key(0), inputs)

    def loss(params, inputs):
        return jnp.sum(jnp.sin(layer.apply(params, inputs)))

    together = jax.grad(loss)(params, inputs)
    for place in np.ndindex(2, 3):
        own = jax.tree.map(lambda leaf, at=place: leaf[at], params)
        close(layer.apply(params, inputs)[place], layer.apply(own, inputs[place]))
        close(jax.tree.map(lambda leaf, at=place: leaf[at], together), jax.grad(loss)(own, inputs[place]))


def test_a_layer_runs_forward_and_back():
    init = uniform(HIDDEN)
    layer = BidirectionalLSTM(hidden=HIDDEN, kernel_init=init, bias_init=init)
    inputs = jax.random.normal(jax.random.key(1), (TIME, BATCH, 4))
    params = layer.init(jax.random.key(0), inputs)
    weights = (params["params"][name][None] for name in ("kernel", "recurrent", "bias"))
    close(layer.apply(params, inputs), plain_lstm(inputs[None], *weights, True)[0])


@pytest.mark.slow
def test_a_recomputed_gradient_is_the_same():
    arguments = problem(4)

    def loss(kernel):
        return jnp.sum(scan_lstm(arguments[0], kernel, *arguments[2:], True, 20) ** 2)

    close(jax.grad(jax.checkpoint(loss))(arguments[1]), jax.grad(loss)(arguments[1]))


def test_bfloat16_matmuls_come_close_and_states_stay_float32():
    arguments = problem(4)
    full, half = (scan_lstm(*arguments, True, 20, precision) for precision in ("float32", "bfloat16"))
    assert half.dtype == np.float32
    difference = np.abs(half - full)
    assert 1e-4 < difference.max() < 0.1 and difference.mean() < 0.01
