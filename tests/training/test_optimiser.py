"""The optimiser against Adam written out by hand, and against torch's definition of its L2."""

import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from finjax.errors import ConfigError
from finjax.training.optimiser import build_optimiser


def config(**changes):
    fields = {"learning_rate": 0.01, "schedule": "constant", "l2": 0.0, "clip_norm": 0.0}
    return ConfigDict({**fields, **changes})


def run(optimiser, params, gradients):
    state = optimiser.init(params)
    for gradient in gradients:
        updates, state = optimiser.update(gradient, state, params)
        params = params + updates
    return params


def adam(params, gradients, *, rates, l2):
    """torch.optim.Adam(lr, weight_decay=l2), float64: the decay joins the gradient before the moments."""
    m = v = np.zeros_like(params)
    for t, (gradient, rate) in enumerate(zip(gradients, rates, strict=True), start=1):
        g = gradient + l2 * params
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        params = params - rate * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    return params


START = np.array([1.0, -2.0, 0.5])
GRADIENTS = np.random.default_rng(0).normal(size=(6, 3))


@pytest.mark.parametrize("l2", [0.0, 0.1])
def test_is_adam_with_coupled_l2(l2):
    ours = run(build_optimiser(config(l2=l2), steps=6), jnp.asarray(START), jnp.asarray(GRADIENTS))
    np.testing.assert_allclose(ours, adam(START, GRADIENTS, rates=[0.01] * 6, l2=l2), rtol=1e-5)


def test_cosine_schedule_falls_to_0_at_the_last_step():
    rates = 0.01 * 0.5 * (1 + np.cos(np.pi * np.arange(6) / 6))
    optimiser = build_optimiser(config(schedule="cosine"), steps=6)
    ours = run(optimiser, jnp.asarray(START), jnp.asarray(GRADIENTS))
    np.testing.assert_allclose(ours, adam(START, GRADIENTS, rates=rates, l2=0.0), rtol=1e-5)


def test_clipping_is_of_the_whole_gradient():
    clipped = [g / max(1.0, np.linalg.norm(g)) for g in GRADIENTS]
    assert any(np.linalg.norm(g) > 1 for g in GRADIENTS)
    ours = run(build_optimiser(config(clip_norm=1.0), steps=6), jnp.asarray(START), jnp.asarray(GRADIENTS))
    np.testing.assert_allclose(ours, adam(START, clipped, rates=[0.01] * 6, l2=0.0), rtol=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"schedule": "linear"}, "'linear': choose from constant, cosine"), ({"l2": -1.0}, "optimiser.l2=-1.0")],
)
def test_what_cannot_be_is_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        build_optimiser(config(**changes), steps=6)
