"""Sums over the devices of a mapped axis, which add the terms in the order of the devices.

`lax.psum` leaves the order to the communication library, which adds in another order within a process than between
processes. Training can amplify the last bit: a bias before BatchNorm has only rounding errors as its gradient, and Adam
scales them up. The result would then depend on how the devices are spread over processes.
"""

import functools
from typing import TypeVar

import jax
import jax.numpy as jnp
from jax import lax
from jax.flatten_util import ravel_pytree

_Tree = TypeVar("_Tree")  # of arrays


def sum_over(tree: _Tree, axis_name: str) -> _Tree:
    """Sums a tree of float arrays over the devices; each device sums one part, so no more data moves than in `psum`."""
    devices = lax.psum(1, axis_name)
    if devices == 1:
        return tree
    flat, restore = ravel_pytree(tree)
    parts = jnp.pad(flat, (0, -len(flat) % devices)).reshape(devices, -1)
    terms = lax.all_to_all(parts, axis_name, split_axis=0, concat_axis=0)  # [devices, n], this device's part
    return restore(lax.all_gather(sum(terms), axis_name, tiled=True)[: len(flat)])


@functools.partial(jax.custom_vjp, nondiff_argnums=(1,))
def total_over(x: jax.Array, axis_name: str) -> jax.Array:
    """Sums an array over the devices, with a gradient: that of each device is the sum of all devices' gradients."""
    return sum_over(x, axis_name)


def _forward(x: jax.Array, axis_name: str) -> tuple[jax.Array, None]:
    return total_over(x, axis_name), None


def _backward(axis_name: str, _: None, cotangent: jax.Array) -> tuple[jax.Array]:
    return (total_over(cotangent, axis_name),)


total_over.defvjp(_forward, _backward)
