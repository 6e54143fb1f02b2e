"""The optimiser against Adam written out by hand, and against torch's definition of its L2."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from finjax.training.optimiser import FITTED, Group, Optimiser, build_optimiser, schedule

pytestmark = pytest.mark.numerics


def optimiser(**changes):
    fields = {"learning_rate": 0.01, "l2": 0.0, "decoupled": False, "clip_norm": 0.0}
    return build_optimiser(ConfigDict({**fields, **changes}))


def run(optimiser, params, gradients, factors=None):
    transformation = optimiser.transformation()
    state = transformation.init(params)
    for gradient, factor in zip(gradients, factors if factors is not None else [1.0] * len(gradients), strict=True):
        updates, state = transformation.update(gradient, state, params)
        params = jax.tree.map(lambda p, u, factor=factor: p + factor * u, params, updates)
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
    ours = run(optimiser(l2=l2), jnp.asarray(START), jnp.asarray(GRADIENTS))
    np.testing.assert_allclose(ours, adam(START, GRADIENTS, rates=[0.01] * 6, l2=l2), rtol=1e-5)


def test_cosine_schedule_falls_to_0_at_the_last_step():
    rates = 0.01 * 0.5 * (1 + np.cos(np.pi * np.arange(6) / 6))
    factors = np.concatenate(
        [schedule("cosine", first=0, stop=4, total=6), schedule("cosine", first=4, stop=6, total=6)]
    )
    ours = run(optimiser(), jnp.asarray(START), jnp.asarray(GRADIENTS), factors)
    np.testing.assert_allclose(ours, adam(START, GRADIENTS, rates=rates, l2=0.0), rtol=1e-5)


def test_clipping_is_of_the_whole_gradient():
    clipped = [g / max(1.0, np.linalg.norm(g)) for g in GRADIENTS]
    assert any(np.linalg.norm(g) > 1 for g in GRADIENTS)
    ours = run(optimiser(clip_norm=1.0), jnp.asarray(START), jnp.asarray(GRADIENTS))
    np.testing.assert_allclose(ours, adam(START, clipped, rates=[0.01] * 6, l2=0.0), rtol=1e-5)


def test_decoupled_decay_leaves_the_moments_alone():
    """torch.optim.AdamW: the parameters shrink by lr · decay, whatever the gradient."""
    ours = run(optimiser(l2=0.1, decoupled=True), jnp.asarray(START), jnp.asarray(GRADIENTS[:1]))
    undecayed = adam(START, GRADIENTS[:1], rates=[0.01], l2=0.0)
    np.testing.assert_allclose(ours, undecayed - 0.01 * 0.1 * START, rtol=1e-5)


def test_each_group_has_its_own_rate_and_frozen_ones_stay():
    groups = (
        Group(prefix="fins/lstm_0", learning_rate=0.01),
        Group(prefix="fins", learning_rate=0.001, l2=0.1),
        Group(prefix="cnn", learning_rate=0.0, frozen=True),
    )
    params = {"fins": {"lstm_0": START, "head": START}, "cnn": START}
    gradients = [jax.tree.map(lambda _, g=g: g, params) for g in GRADIENTS]
    ours = run(Optimiser(groups=groups), params, gradients)
    np.testing.assert_allclose(ours["fins"]["lstm_0"], adam(START, GRADIENTS, rates=[0.01] * 6, l2=0.0), rtol=1e-5)
    np.testing.assert_allclose(ours["fins"]["head"], adam(START, GRADIENTS, rates=[0.001] * 6, l2=0.1), rtol=1e-5)
    np.testing.assert_array_equal(ours["cnn"], START)


def test_the_gradient_of_frozen_groups_is_not_taken():
    frozen = Optimiser(groups=(Group(learning_rate=0.1), Group(prefix="cnn", learning_rate=0.1, frozen=True)))
    gradient = jax.grad(lambda p: sum(jnp.sum(leaf) for leaf in jax.tree.leaves(frozen.stop_frozen(p))))
    assert gradient({"cnn": 2.0, "fins": 2.0}) == {"cnn": 0.0, "fins": 1.0}


@pytest.mark.parametrize(
    ("groups", "text"),
    [
        ((Group(learning_rate=0.003), FITTED), "learning rate 0.003"),
        (
            (Group(prefix="fins", learning_rate=0.1, frozen=True), Group(prefix="cnn", learning_rate=1.0)),
            "learning rate 1",
        ),
        (
            (Group(prefix="cnn", learning_rate=1e-5), Group(learning_rate=0.1), FITTED),
            "learning rates 1e-05 of cnn, 0.1 of the other parameters",
        ),
        ((FITTED,), "learning rate 0"),
    ],
)
def test_messages_name_the_rates_of_trained_groups(groups, text):
    assert Optimiser(groups=groups).rates_text() == text
