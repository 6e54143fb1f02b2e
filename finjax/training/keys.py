"""The random keys of a seed: those of initialisation, and those of the noise in training.

`fold_in(key, i)` equals `split(key)[i]`, so that initialisation and the noise of the first steps would share keys if
both began with the key of the seed. It is split in two first, and each use has a half of its own. The kind of random
numbers is named, so that `jax_default_prng_impl` changes no result.
"""

import jax
import numpy as np

IMPLEMENTATION = "threefry2x32"


def initialisation_key(seed: int) -> jax.Array:
    """Returns the key that initial parameters are drawn with."""
    return _halves(seed)[0]


def noise_key(seed: int, step: jax.Array | np.integer | int) -> jax.Array:
    """Returns the key of the noise of a training step: of shadows, gains, jitter and dropout."""
    return jax.random.fold_in(_halves(seed)[1], step)


def _halves(seed: int) -> jax.Array:
    return jax.random.split(jax.random.key(seed, impl=IMPLEMENTATION))
