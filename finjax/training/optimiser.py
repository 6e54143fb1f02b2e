"""The optimiser, from its part of the configuration."""

import optax
from ml_collections import ConfigDict

from finjax.errors import ConfigError

SCHEDULES = ("constant", "cosine")


def build_optimiser(config: ConfigDict, *, steps: int) -> optax.GradientTransformation:
    """Builds Adam with coupled L2, as `torch.optim.Adam(weight_decay=…)` is.

    Args:
        config: `config.optimiser`.
        steps: steps of the whole training, over which a cosine schedule falls to 0.

    Raises:
        ConfigError: an unknown schedule, or a learning rate, L2 or clipping below 0.
    """
    for field in ("learning_rate", "l2", "clip_norm"):
        if config[field] < 0:
            raise ConfigError(f"--config.optimiser.{field}={config[field]} is negative")
    match config.schedule:
        case "constant":
            learning_rate = config.learning_rate
        case "cosine":
            learning_rate = optax.cosine_decay_schedule(config.learning_rate, steps)
        case unknown:
            raise ConfigError(f"--config.optimiser.schedule={unknown!r}: choose from {', '.join(SCHEDULES)}")
    return optax.chain(
        optax.clip_by_global_norm(config.clip_norm) if config.clip_norm else optax.identity(),
        optax.add_decayed_weights(config.l2) if config.l2 else optax.identity(),
        optax.scale_by_adam(),
        optax.scale_by_learning_rate(learning_rate),
    )
