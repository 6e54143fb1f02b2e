"""Initialisation and noise never draw with the same key."""

import jax
import numpy as np
import pytest

from finjax.training.keys import initialisation_key, noise_key


def words(keys) -> set[tuple[int, ...]]:
    return {tuple(row) for row in np.asarray(jax.random.key_data(keys)).reshape(-1, 2).tolist()}


def initialisation_keys(seed: int, *, count: int) -> set:
    """Returns the key and those that modules, layers and FINs of a stack derive from it, by splits and folds."""
    key = initialisation_key(seed)
    parts = [key[None], *(jax.random.split(key, n) for n in (2, 3, count))]
    folds = jax.vmap(jax.random.fold_in, in_axes=(None, 0))(key, np.arange(count))
    below = jax.vmap(lambda one: jax.random.split(one, 8))(parts[-1])
    return set().union(*map(words, [*parts, folds, below]))


def noise_keys(seed: int, *, steps: int) -> set:
    """Returns the keys of the first steps, and of inputs, network and jitter in each step."""
    keys = jax.vmap(lambda step: noise_key(seed, step))(np.arange(steps))
    return words(keys) | words(jax.vmap(lambda key: jax.random.split(key, 3))(keys))


@pytest.mark.parametrize("seed", [0, 1, 7])
def test_initialisation_and_noise_share_no_key(seed):
    drawn = initialisation_keys(seed, count=200)
    noise = noise_keys(seed, steps=200)
    assert len(noise) == 800 and len(drawn) > 1000
    assert not drawn & noise
    # Without the halves they would share keys: a split and a fold of the seed's key are equal.
    key = jax.random.key(seed, impl="threefry2x32")
    assert words(jax.random.split(key)[1]) == words(jax.random.fold_in(key, 1))


def test_other_seeds_and_steps_have_other_keys():
    keys = [initialisation_key(seed) for seed in range(3)]
    keys += [noise_key(seed, step) for seed in range(3) for step in range(3)]
    assert len(words(jax.numpy.stack(keys))) == 12


def test_the_default_generator_does_not_matter():
    usual = words(noise_key(3, 5))
    with jax.default_prng_impl("rbg"):
        assert words(noise_key(3, 5)) == usual
