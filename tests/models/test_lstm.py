"""The recurrent core against an LSTM written plainly and differentiated by JAX."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from finjax.models.lstm import scan_lstm

TIME, DIRECTIONS, BATCH, HIDDEN = 40, 2, 3, 5


def plain_lstm(inputs, kernel, recurrent, bias, keep_all):
    def step(state, now):
        hidden, cell = state
        gates = jnp.einsum("gbd,gdk->gbk", now, kernel) + jnp.einsum("gbh,ghk->gbk", hidden, recurrent)
        update, forget, candidate, output = jnp.split(gates + bias[:, None], 4, axis=-1)
        cell = nn.sigmoid(forget) * cell + nn.sigmoid(update) * jnp.tanh(candidate)
        hidden = nn.sigmoid(output) * jnp.tanh(cell)
        return (hidden, cell), hidden

    zeros = jnp.zeros((*inputs.shape[1:3], recurrent.shape[1]))
    (last, _), states = lax.scan(step, (zeros, zeros), inputs)
    return states if keep_all else last


def problem(width, *, models=()):
    shapes = [
        (TIME, DIRECTIONS, BATCH, width),
        (DIRECTIONS, width, 4 * HIDDEN),
        (DIRECTIONS, HIDDEN, 4 * HIDDEN),
        (DIRECTIONS, 4 * HIDDEN),
    ]
    keys = jax.random.split(jax.random.key(width), len(shapes))
    return [jax.random.normal(key, (*models, *shape)) for key, shape in zip(keys, shapes, strict=True)]


def close(ours, plain):
    for mine, theirs in zip(jax.tree.leaves(ours), jax.tree.leaves(plain), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-5 * np.abs(theirs).max())


@pytest.mark.parametrize("keep_all", [True, False])
@pytest.mark.parametrize("width", [1, 4])
def test_states_and_gradients_are_those_of_a_plain_lstm(width, keep_all):
    arguments = problem(width)
    states = plain_lstm(*arguments, keep_all)
    weights = jax.random.normal(jax.random.key(9), states.shape)  # so that every state matters, each in its own way

    def gradients(lstm):
        return jax.jit(jax.grad(lambda *a: jnp.sum(weights * lstm(*a, keep_all)), argnums=(0, 1, 2, 3)))(*arguments)

    close(scan_lstm(*arguments, keep_all), states)
    close(gradients(scan_lstm), gradients(plain_lstm))


def test_models_of_a_stack_are_as_each_alone():
    arguments = problem(4, models=(6,))

    def loss(lstm):
        return jax.jit(jax.grad(lambda *a: jnp.sum(jax.vmap(lambda *one: lstm(*one, True))(*a) ** 2), argnums=(1, 2)))

    close(loss(scan_lstm)(*arguments), loss(plain_lstm)(*arguments))


def test_a_recomputed_gradient_is_the_same():
    arguments = problem(4)

    def loss(kernel):
        return jnp.sum(scan_lstm(arguments[0], kernel, *arguments[2:], True) ** 2)

    close(jax.grad(jax.checkpoint(loss))(arguments[1]), jax.grad(loss)(arguments[1]))


def test_bfloat16_matmuls_come_close_and_states_stay_float32():
    arguments = problem(4)
    full, half = (scan_lstm(*arguments, True, precision) for precision in ("float32", "bfloat16"))
    assert half.dtype == np.float32
    difference = np.abs(half - full)
    assert 1e-4 < difference.max() < 0.1 and difference.mean() < 0.01
