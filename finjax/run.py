"""Runs what a configuration says: the one way in for `main.py`."""

import importlib
import math
import os
from pathlib import Path

from ml_collections import ConfigDict

from finjax.errors import ConfigError
from finjax.tasks import fin
from finjax.training import parallel

STAGES = {"fin": fin.run}


def run(config: ConfigDict, *, workdir: str | Path | None = None, mode: str = "train") -> None:
    """Trains and evaluates, or only evaluates, what the configuration describes.

    Args:
        config: as `configs/` makes them.
        workdir: folder of the run; by default `runs/` and the name of the run.
        mode: `"train"` or `"evaluate"`.

    Raises:
        FinjaxError: something that the user can mend.
    """
    for module in filter(None, config.plugins.split(",")):
        try:
            importlib.import_module(module.strip())
        except ImportError as error:
            raise ConfigError(f"--config.plugins={config.plugins}: {error}") from error
    if config.stage not in STAGES:
        raise ConfigError(f"unknown stage {config.stage!r}; known are {', '.join(STAGES)}")
    # A batch is divided evenly over the devices, so their number must divide it.
    parallel.use_cpu_devices(config.cpu_devices or math.gcd(config.train.batch_size, os.cpu_count() or 1))
    STAGES[config.stage](config, Path(workdir or default_workdir(config)), mode=mode)


def default_workdir(config: ConfigDict) -> Path:
    """Returns `runs/fin_ssi`, or `runs/fin_ssi_fast` for a preset."""
    return Path("runs") / "_".join(filter(None, (config.stage, config.target, config.preset)))
