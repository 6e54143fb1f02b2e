"""The train step: a pure function of one device's share of the batch."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import struct
from jax import lax

from finjax.training.batches import PADDING
from finjax.training.parallel import AXIS

# (params, data, examples [b], key) → (sum of the losses of the real examples, their number)
Loss = Callable[[Any, Any, jax.Array, jax.Array], tuple[jax.Array, jax.Array]]


@struct.dataclass
class TrainState:
    """What training changes.

    Attributes:
        step: steps taken, int32 scalar.
        params: network parameters.
        opt_state: optimiser state.
    """

    step: jax.Array
    params: Any
    opt_state: Any


def create_state(params: Any, optimiser: optax.GradientTransformation) -> TrainState:
    """Returns the state before the first step."""
    return TrainState(step=jnp.zeros((), jnp.int32), params=params, opt_state=optimiser.init(params))


def in_tiles(examples: jax.Array, tile: int) -> jax.Array:
    """Cuts examples `[b]` into `[tiles, tile]`, the last filled up with `PADDING`."""
    return jnp.pad(examples, (0, -len(examples) % tile), constant_values=PADDING).reshape(-1, tile)


def make_train_steps(loss: Loss, optimiser: optax.GradientTransformation, *, seed: int, tile: int) -> Callable:
    """Returns `train_steps(state, data, batches [k, b]) → (state, {"loss": [k], "count": [k]})`.

    The function is to be mapped over the devices: it takes one device's share of k batches, sums the losses
    and gradients of all tiles and devices, and divides once, so that neither padding nor the number of
    devices shows.

    Args:
        loss: loss of some examples.
        optimiser: what turns gradients into updates.
        seed: seed of the noise.
        tile: examples whose gradient is taken at a time: what the backward pass keeps of them should fit
            the cache.
    """
    gradient_of_loss = jax.value_and_grad(loss, has_aux=True)

    def train_step(state: TrainState, data: Any, examples: jax.Array):
        key = jax.random.fold_in(jax.random.key(seed), state.step)

        def add_tile(sums, tile_examples):
            (total, count), gradient = gradient_of_loss(state.params, data, tile_examples, key)
            return jax.tree.map(jnp.add, sums, (total, count, gradient)), None

        tiles = in_tiles(examples, tile)
        nothing = (jnp.zeros(()), jnp.zeros((), jnp.int32), jax.tree.map(jnp.zeros_like, state.params))
        sums, _ = lax.scan(add_tile, nothing, tiles)
        total, count, gradient = lax.psum(sums, AXIS)
        gradient = jax.tree.map(lambda g: g / count, gradient)
        updates, opt_state = optimiser.update(gradient, state.opt_state, state.params)
        params = optax.apply_updates(state.params, updates)
        state = TrainState(step=state.step + 1, params=params, opt_state=opt_state)
        return state, {"loss": total, "count": count}

    def train_steps(state: TrainState, data: Any, batches: jax.Array):
        return lax.scan(lambda state, examples: train_step(state, data, examples), state, batches)

    return train_steps
