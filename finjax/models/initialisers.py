"""How weights start."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import linen as nn


def uniform(inputs: int) -> Callable:
    """Uniform in ±1/√inputs, torch's: of an LSTM and its head the hidden width, of a filter what it sees."""
    bound = inputs**-0.5

    def init(key, shape, dtype=jnp.float32):
        return jax.random.uniform(key, shape, dtype, -bound, bound)

    return init


def chrono(hidden: int, steps: int) -> Callable:
    """A bias `[..., 4H]` that lets the cells remember for 1 to `steps − 1` time steps.

    Forget bias `log u`, `u ~ U(1, steps − 1)`, input bias its negative; candidate and output stay uniform.
    A FIN must carry a sum over the whole window; with forget gates near ½ it forgets within a few samples.

    Reference: Tallec & Ollivier 2018, "Can recurrent neural networks warp time?".
    """
    plain = uniform(hidden)

    def init(key, shape, dtype=jnp.float32):
        key_memory, key_rest = jax.random.split(key)
        longest = max(steps - 1.0, 1.0)
        memory = jnp.log(jax.random.uniform(key_memory, (*shape[:-1], hidden), dtype, 1.0, longest))
        _, _, candidate, output = jnp.split(plain(key_rest, shape, dtype), 4, axis=-1)
        return jnp.concatenate([-memory, memory, candidate, output], axis=-1)

    return init


@functools.cache
def jitted_init(network: nn.Module) -> Callable:
    """Returns the compiled `init` of a network; equal networks share one."""
    return jax.jit(network.init)
