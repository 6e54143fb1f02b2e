"""The optimiser, from its part of the configuration: Adam for each group of parameters, with its own learning rate."""

import dataclasses
import math
from typing import Any

import jax
import numpy as np
import optax
from jax import lax

from finjax.training.settings import OptimiserSettings

SCHEDULES = ("constant", "cosine")
EVERYTHING = ""  # the prefix that all parameters share


@dataclasses.dataclass(frozen=True, kw_only=True)
class Group:
    """How a group of parameters is updated.

    Attributes:
        prefix: start of the parameters' paths, such as `"fins/lstm_0"`; the group with the longest that fits counts.
        learning_rate: learning rate before the schedule.
        l2: decay of the weights.
        decoupled: whether the decay leaves Adam's moments alone, as in `torch.optim.AdamW`, or joins the
            gradient, as in `torch.optim.Adam(weight_decay=…)`.
        frozen: whether the parameters stay as they are; their gradient is not computed.
    """

    prefix: str = EVERYTHING
    learning_rate: float
    l2: float = 0.0
    decoupled: bool = False
    frozen: bool = False


# A decoder's read-out is fitted in closed form, not trained; so are the
# standardisation of its features and its alignment with a person.
FITTED = Group(prefix="read_out", learning_rate=0.0, frozen=True)
STANDARDISATION = Group(prefix="standardisation", learning_rate=0.0, frozen=True)
ALIGNMENT = Group(prefix="alignment", learning_rate=0.0, frozen=True)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Optimiser:
    """Adam for each group, and clipping of the whole gradient. Equal optimisers share one compiled program.

    Attributes:
        groups: every parameter must belong to one.
        clip_norm: largest norm of the gradient of all groups together; 0 for no limit.
    """

    groups: tuple[Group, ...]
    clip_norm: float = 0.0

    def labels(self, params: Any) -> Any:
        """Returns a tree like `params` that holds the prefix of each parameter's group."""
        prefixes = sorted((group.prefix for group in self.groups), key=len)

        def label(path: Any, _: Any) -> str:
            name = jax.tree_util.keystr(path, simple=True, separator="/")
            return [prefix for prefix in prefixes if name.startswith(prefix)][-1]

        return jax.tree_util.tree_map_with_path(label, params)

    def transformation(self) -> optax.GradientTransformation:
        """Returns the optax transformation, with a separate chain for each group."""
        return optax.chain(
            optax.clip_by_global_norm(self.clip_norm) if self.clip_norm else optax.identity(),
            optax.multi_transform({group.prefix: _adam(group) for group in self.groups}, self.labels),
        )

    def rates_text(self) -> str:
        """Returns the learning rates of the trained groups for messages, with names if there are several."""
        trained = [group for group in self.groups if not group.frozen and group.learning_rate]
        if len(trained) < 2:
            return f"learning rate {trained[0].learning_rate if trained else 0:g}"
        named = [f"{group.learning_rate:g} of {group.prefix or 'the other parameters'}" for group in trained]
        return f"learning rates {', '.join(named)}"

    def stop_frozen(self, params: Any) -> Any:
        """Returns the parameters, with frozen groups excluded from differentiation."""
        frozen = {group.prefix for group in self.groups if group.frozen}
        return jax.tree.map(
            lambda leaf, label: lax.stop_gradient(leaf) if label in frozen else leaf, params, self.labels(params)
        )


def _adam(group: Group) -> optax.GradientTransformation:
    if group.frozen:
        return optax.set_to_zero()
    decay = optax.add_decayed_weights(group.l2) if group.l2 else optax.identity()
    steps = (optax.scale_by_adam(), decay) if group.decoupled else (decay, optax.scale_by_adam())
    return optax.chain(*steps, optax.scale_by_learning_rate(group.learning_rate))


def build_optimiser(settings: OptimiserSettings, *others: Group) -> Optimiser:
    """Builds the optimiser of a network that is one group, apart from parameters with groups of their own."""
    network = Group(learning_rate=settings.learning_rate, l2=settings.l2, decoupled=settings.decoupled)
    return Optimiser(groups=(network, *others, FITTED), clip_norm=settings.clip_norm)


def schedule(name: str, *, first: int, stop: int, total: int) -> np.ndarray:
    """Returns the factors of the learning rates in steps `first` to `stop`, `[stop − first]` float32.

    The factors are an input of the compiled step, not part of it, so that trainings of all lengths share the step.

    Args:
        name: one of `SCHEDULES`: `"constant"` or `"cosine"` (to 0 after the last step).
        first: first step.
        stop: end of the steps, not included.
        total: steps of the whole training.
    """
    assert name in SCHEDULES, name  # the rules of the configuration refuse others
    steps = np.arange(first, stop)
    if name == "constant":
        return np.ones(len(steps), np.float32)
    return (0.5 * (1 + np.cos(math.pi * steps / total))).astype(np.float32)
