"""The train step: a pure function of one device's share of the batch."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import struct
from jax import lax

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


def make_train_steps(loss: Loss, optimiser: optax.GradientTransformation, *, seed: int) -> Callable:
    """Returns `train_steps(state, data, batches [k, b]) → (state, {"loss": [k], "count": [k]})`.

    The function is to be mapped over the devices: it takes one device's share of k batches, sums the losses
    and gradients of all devices, and divides once, so that padding and the number of devices do not show.
    """

    def train_step(state: TrainState, data: Any, examples: jax.Array):
        key = jax.random.fold_in(jax.random.key(seed), state.step)
        (total, count), gradient = jax.value_and_grad(loss, has_aux=True)(state.params, data, examples, key)
        total, count, gradient = lax.psum((total, count, gradient), AXIS)
        gradient = jax.tree.map(lambda g: g / count, gradient)
        updates, opt_state = optimiser.update(gradient, state.opt_state, state.params)
        params = optax.apply_updates(state.params, updates)
        state = TrainState(step=state.step + 1, params=params, opt_state=opt_state)
        return state, {"loss": total, "count": count}

    def train_steps(state: TrainState, data: Any, batches: jax.Array):
        return lax.scan(lambda state, examples: train_step(state, data, examples), state, batches)

    return train_steps
