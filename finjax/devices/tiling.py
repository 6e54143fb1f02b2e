"""Processes a few inputs at a time, so that memory does not grow with their number."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax


class Tile(NamedTuple):
    """How many FINs of a stack, and how many windows of each, are processed at a time."""

    fins: int
    windows: int


def map_in_tiles(function: Callable[[jax.Array], jax.Array], inputs: jax.Array, *, tile: int) -> jax.Array:
    """Applies a function to `[n, …]`, at most `tile` inputs at a time, one tile after another on the device.

    The last tile is filled with copies of the first input; their results are removed.
    """
    count, shape = len(inputs), inputs.shape[1:]
    tile = min(tile, count)
    filled = jnp.concatenate([inputs, jnp.broadcast_to(inputs[:1], (-count % tile, *shape))])
    results = lax.map(function, filled.reshape(-1, tile, *shape))
    return results.reshape(-1, *results.shape[2:])[:count]
