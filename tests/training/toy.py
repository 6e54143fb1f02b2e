"""A small problem to train: one parameter, pulled towards the mean of some numbers."""

import jax
import jax.numpy as jnp
import numpy as np

from finjax.configs import fin
from finjax.configs.parsing import parse
from finjax.training.checkpoints import read_model
from finjax.training.loop import Problem
from finjax.training.losses import fold_in_each, resolve
from finjax.training.optimiser import Group, Optimiser
from finjax.training.run_trainer import RunTrainer

TARGETS = np.random.default_rng(0).normal(1.0, 0.1, size=37).astype(np.float32)


def loss(params, stats, data, examples, key):
    """Squared distance of a parameter from the targets, with noise that depends on the example."""
    examples, real = resolve(examples)
    noise = 0.01 * jax.vmap(jax.random.normal)(fold_in_each(key, examples))
    error = jnp.square(params["value"] - data[examples] - noise)
    return jnp.sum(jnp.where(real, error, 0.0)), (jnp.sum(real), stats)


def problem(rate=3e-3, **changes):
    fields = {
        "params": {"value": jnp.zeros(())},
        "loss": loss,
        "data": TARGETS,
        "examples": len(TARGETS),
        "normalisers": {"feature": {"mean": np.float32(1), "std": np.float32(2)}},
        "info": {"kind": "toy"},
        "optimiser": Optimiser(groups=(Group(learning_rate=rate),), clip_norm=1.0),
        "tile": 8,
        "watch": lambda state: {"value": float(state.params["value"])},
    }
    return Problem(**{**fields, **changes})


def config(**changes):
    config = fin.get_config("test", target="ssi")
    config.train.batch_size = 8
    config.train.steps_per_dispatch = 3
    config.log.tensorboard = False
    config.checkpoint.every_steps = 5
    config.train.max_steps = 20
    config.update_from_flattened_dict(changes)
    return parse(config)


def train_toy(problem, settings, workdir):
    """Trains a problem in a folder."""
    return RunTrainer(problem, settings.trainer, workdir=workdir, files=settings.run_files).run()


def final(workdir) -> float:
    """Returns the parameter of the newest checkpoint."""
    return float(read_model(workdir).params["value"])
