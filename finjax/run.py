"""Runs what a configuration says: the one way in for `main.py`."""

import operator
from pathlib import Path

from ml_collections import ConfigDict

from finjax.data import synthetic
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
    "seed": 0,
    "data.synthetic.seed": 0,
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
    if config.stage not in STAGES:
        raise ConfigError(f"unknown stage {config.stage!r}; known are {', '.join(STAGES)}")
    for field, least in LEAST.items():
        if (value := operator.attrgetter(field)(config)) < least:
            raise ConfigError(f"--config.{field}={value}: must be at least {least}")
    parallel.use_cpu_devices(config.cpu_devices, batch_size=config.train.batch_size)
    load_plugins(config.plugins)  # they may use jax, so only now
    STAGES[config.stage](config, Path(workdir or default_workdir(config)).expanduser(), mode=mode)


def default_workdir(config: ConfigDict) -> Path:
    """Returns `runs/fin_ssi`, or with what differs from that: `runs/fin_ssi_fast_three_dc_prediction_3`."""
    dataset = "" if config.data.name == synthetic.NAME else config.data.name
    horizon = "" if config.prediction == (0,) else "prediction_" + "_".join(map(str, config.prediction))
    return Path("runs") / "_".join(filter(None, (config.stage, config.target, config.preset, dataset, horizon)))
