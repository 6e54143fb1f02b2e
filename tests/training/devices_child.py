"""Trains a few steps on as many CPU devices as asked for, and stores the parameters: `test_devices.py` runs it."""

import sys
from pathlib import Path

from ml_collections import ConfigDict

from configs import fin, fine_tune
from finjax.tasks import decoder
from finjax.tasks import fin as fin_task
from finjax.tasks.task import Task
from finjax.training import parallel

BATCH = 56  # which needs padding at the end of an epoch


def settings(stage: str) -> ConfigDict:
    """Returns the `:test` preset of a stage, cut down; FIN+CNN from random FINs, with all kinds of noise."""
    if stage == "fin":
        config = fin.get_config("test", target="rms")
    else:
        config = fine_tune.get_config("test")
        config.features, config.subject, config.step = "rms", "1", "100ms"
        config.fine_tune.fin_init = "random"
        config.train.gain_sd, config.train.covariance_noise = 0.1, 0.5
    config.train.batch_size = BATCH
    config.train.max_steps, config.train.max_epochs = 5, 5
    config.train.steps_per_dispatch = 2
    config.log.tensorboard = False
    return config


def main(stage: str, devices: int, workdir: str) -> None:
    """Trains."""
    parallel.use_cpu_devices(devices, batch_size=BATCH)
    config = settings(stage)
    task = Task.load(config, horizon=0, subjects=(1,))
    assert parallel.device_count() == devices
    {"fin": fin_task.train, "fine_tune": decoder.train}[stage](task, Path(workdir))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
