"""Sums over the devices of a mapped axis, term by term in their order.

`lax.psum` adds in an order of the library's that moves the data: another one within a process than between two.
What training then makes of the last bit can be large (a bias before a BatchNorm has no gradient but rounding's, and
Adam scales it up), so that a run would depend on how its devices are spread over processes.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.flatten_util import ravel_pytree


def sum_over(tree: Any, axis_name: str) -> Any:
    """Sums a tree of float arrays over the devices; each adds up a part, so that no more is moved than by `psum`."""
    devices = lax.psum(1, axis_name)
    if devices == 1:
        return tree
    flat, restore = ravel_pytree(tree)
    parts = jnp.pad(flat, (0, -len(flat) % devices)).reshape(devices, -1)
    terms = lax.all_to_all(parts, axis_name, split_axis=0, concat_axis=0)  # of this device's part: [devices, n]
    return restore(lax.all_gather(sum(terms), axis_name, tiled=True)[: len(flat)])


@functools.partial(jax.custom_vjp, nondiff_argnums=(1,))
def total_over(x: jax.Array, axis_name: str) -> jax.Array:
    """Returns the sum of the devices' arrays, to be differentiated: what each makes of it counts for all of them."""
    return sum_over(x, axis_name)


def _forward(x, axis_name):
    return total_over(x, axis_name), None


def _backward(axis_name, _, cotangent):
    return (total_over(cotangent, axis_name),)


total_over.defvjp(_forward, _backward)
