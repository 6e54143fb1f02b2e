"""Initialisers of weights."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn


def uniform(inputs: int) -> Callable[..., jax.Array]:
    """Returns an initialiser, uniform in ±1/√inputs as in PyTorch; for an LSTM and its head, `inputs` is H."""
    bound = inputs**-0.5

    def init(key: jax.Array, shape: tuple[int, ...], dtype: Any = jnp.float32) -> jax.Array:
        return jax.random.uniform(key, shape, dtype, -bound, bound)

    return init


def chrono(hidden: int, steps: int) -> Callable[..., jax.Array]:
    """Returns an initialiser of the bias `[..., 4H]`, with which the cells remember for 1 to `steps − 1` time steps.

    The forget bias is `log u` with `u ~ U(1, steps − 1)`, the input bias its negative; the others are `uniform`.
    A FIN must remember a sum over the whole window; with forget gates near ½ it forgets within a few samples.

    Reference: Tallec & Ollivier 2018, "Can recurrent neural networks warp time?".
    """
    plain = uniform(hidden)

    def init(key: jax.Array, shape: tuple[int, ...], dtype: Any = jnp.float32) -> jax.Array:
        key_memory, key_rest = jax.random.split(key)
        longest = max(steps - 1.0, 1.0)
        memory = jnp.log(jax.random.uniform(key_memory, (*shape[:-1], hidden), dtype, 1.0, longest))
        _, _, candidate, output = jnp.split(plain(key_rest, shape, dtype), 4, axis=-1)
        return jnp.concatenate([-memory, memory, candidate, output], axis=-1)

    return init


def jitted_init(network: nn.Module) -> Callable[..., Any]:
    """Returns the compiled `init` of a network; equal networks share one."""
    return _jitted_init(network)  # pyright: ignore[reportArgumentType]  # modules of Flax can be hashed


@functools.cache
def _jitted_init(network: nn.Module) -> Callable[..., Any]:
    return jax.jit(network.init)
