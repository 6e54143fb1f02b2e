"""The train step: a pure function of one device's share of the batch."""

import functools
from collections.abc import Callable
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import struct
from jax import lax

from finjax.devices import parallel
from finjax.devices.parallel import AXIS
from finjax.devices.reduce import sum_over
from finjax.training.batches import stand_in
from finjax.training.keys import noise_key
from finjax.training.optimiser import Optimiser


class Loss(Protocol):
    """A loss of one device's share of a batch. Equal losses share one compiled program."""

    def __call__(
        self, params: Any, stats: Any, data: Any, examples: jax.Array, key: jax.Array
    ) -> tuple[jax.Array, tuple[jax.Array, Any]]:
        """Returns the sum of the losses of the real examples, their number, and the new statistics.

        Args:
            params: network parameters.
            stats: the network's running statistics, empty if there are none.
            data: source of the examples, on the device.
            examples: `[b]` numbers of examples; negative ones do not count.
            key: random key, the same on all devices.
        """
        ...


@struct.dataclass
class TrainState:
    """The state of a training.

    Attributes:
        step: steps taken, int32 scalar.
        params: network parameters.
        stats: running statistics of BatchNorm, an empty dictionary if there is none.
        opt_state: optimiser state.
    """

    step: jax.Array | np.integer
    params: Any
    stats: Any
    opt_state: Any


def create_state(params: Any, stats: Any, optimiser: Optimiser) -> TrainState:
    """Returns the state before the first step."""
    opt_state = optimiser.transformation().init(params)
    return TrainState(step=jnp.zeros((), jnp.int32), params=params, stats=stats, opt_state=opt_state)


def in_tiles(examples: jax.Array, tile: int) -> jax.Array:
    """Cuts examples `[b]` into `[tiles, tile]`; the last tile is filled with stand-ins for example 0."""
    return jnp.pad(examples, (0, -len(examples) % tile), constant_values=stand_in(0)).reshape(-1, tile)


def make_train_steps(loss: Loss, optimiser: Optimiser, *, seed: int, tile: int) -> Callable:
    """Returns `train_steps(state, data, batches [k, b], factors [k]) → (state, {"loss": [k], "count": [k]})`.

    Map the function over the devices: it takes one device's share of k batches, sums the losses and gradients of all
    tiles and devices, and divides once, so that the result does not depend on padding and the number of devices.
    `factors` multiply the learning rates.

    Args:
        loss: loss of some examples.
        optimiser: turns gradients into updates.
        seed: seed of the noise.
        tile: number of examples whose gradient is computed at a time. The values that the backward pass needs should
            fit the cache. A network with statistics over the batch needs the whole share.
    """
    transformation = optimiser.transformation()

    def loss_of(params: Any, *others: Any):
        return loss(optimiser.stop_frozen(params), *others)

    gradient_of_loss = jax.value_and_grad(loss_of, has_aux=True)

    def train_step(state: TrainState, data: Any, examples: jax.Array, factor: jax.Array):
        key = noise_key(seed, state.step)

        def add_tile(carry: Any, tile_examples: jax.Array):
            sums, stats = carry
            (total, (count, stats)), gradient = gradient_of_loss(state.params, stats, data, tile_examples, key)
            return (jax.tree.map(jnp.add, sums, (total, count, gradient)), stats), None

        tiles = in_tiles(examples, tile)
        zeros = (jnp.zeros(()), jnp.zeros((), jnp.int32), jax.tree.map(jnp.zeros_like, state.params))
        (sums, stats), _ = lax.scan(add_tile, (zeros, state.stats), tiles)
        total, count, gradient = sums
        count = lax.psum(count, AXIS)
        total, gradient = sum_over((total, gradient), AXIS)
        gradient = jax.tree.map(lambda g: g / count, gradient)
        updates, opt_state = transformation.update(gradient, state.opt_state, state.params)
        params = optax.apply_updates(state.params, jax.tree.map(lambda u: factor * u, updates))
        state = TrainState(step=state.step + 1, params=params, stats=stats, opt_state=opt_state)
        return state, {"loss": total, "count": count}

    def train_steps(state: TrainState, data: Any, batches: jax.Array, factors: jax.Array):
        return lax.scan(lambda state, inputs: train_step(state, data, *inputs), state, (batches, factors))

    return train_steps


@functools.lru_cache(maxsize=8)
def compiled_train_steps(loss: Loss, optimiser: Optimiser, *, seed: int, tile: int) -> Callable:
    """Returns `make_train_steps` mapped over the devices; equal arguments share one compiled program."""
    return parallel.pmap(make_train_steps(loss, optimiser, seed=seed, tile=tile), donate_argnums=(0,))
