"""Runs what a configuration says: the one way in for `main.py`."""

import math
import operator
import os
from pathlib import Path

from ml_collections import ConfigDict

from finjax.errors import ConfigError
from finjax.plugins import load_plugins
from finjax.tasks import fin
from finjax.training import parallel

STAGES = {"fin": fin.run}

# The least that counts and periods may be; 0 has a meaning of its own where it is allowed.
LEAST = {
    "model.hidden": 1,
    "model.layers": 1,
    "model.shadows": 1,
    "model.patch_size": 1,
    "train.batch_size": 1,
    "train.max_steps": 0,
    "train.max_epochs": 1,
    "train.steps_per_dispatch": 1,
    "train.shadow_noise": 0,
    "train.stop_after_epochs": 0,
    "log.every_steps": 1,
    "checkpoint.every_steps": 1,
    "evaluate.batch_size": 1,
    "evaluate.max_windows": 0,
    "evaluate.every_steps": 0,
    "cpu_devices": 0,
    "limit_sd": 0,
}


def run(config: ConfigDict, *, workdir: str | Path | None = None, mode: str = "train") -> None:
    """Trains and evaluates, or only evaluates, what the configuration describes.

    Args:
        config: as `configs/` makes them.
        workdir: folder of the run; by default `runs/` and the name of the run.
        mode: `"train"` or `"evaluate"`.

    Raises:
        FinjaxError: something that the user can mend.
    """
    load_plugins(config.plugins)
    if config.stage not in STAGES:
        raise ConfigError(f"unknown stage {config.stage!r}; known are {', '.join(STAGES)}")
    for field, least in LEAST.items():
        if (value := operator.attrgetter(field)(config)) < least:
            raise ConfigError(f"--config.{field}={value}: must be at least {least}")
    # A batch is divided evenly over the devices, so their number must divide it.
    parallel.use_cpu_devices(config.cpu_devices or math.gcd(config.train.batch_size, os.cpu_count() or 1))
    STAGES[config.stage](config, Path(workdir or default_workdir(config)), mode=mode)


def default_workdir(config: ConfigDict) -> Path:
    """Returns `runs/fin_ssi`, or `runs/fin_ssi_fast` for a preset."""
    return Path("runs") / "_".join(filter(None, (config.stage, config.target, config.preset)))
