"""The random keys of a seed, for the initialisation and for the noise in training.

`fold_in(key, i)` equals `split(key)[i]`, so initialisation and the noise of the first steps would share keys if both
started from the key of the seed. Therefore the key is first split into two halves, one for each use. The random
generator is given by name, so that `jax_default_prng_impl` changes no result.
"""

import jax
import numpy as np

IMPLEMENTATION = "threefry2x32"


def initialisation_key(seed: int) -> jax.Array:
    """Returns the key for drawing initial parameters."""
    return _halves(seed)[0]


def noise_key(seed: int, step: jax.Array | np.integer | int) -> jax.Array:
    """Returns the key for the noise of a training step: shadows, gains, jitter and dropout."""
    return jax.random.fold_in(_halves(seed)[1], step)


def _halves(seed: int) -> jax.Array:
    return jax.random.split(jax.random.key(seed, impl=IMPLEMENTATION))
