"""Trains a few steps on as many CPU devices as asked for, and stores the parameters: `test_devices.py` runs it."""

import sys
from pathlib import Path

from configs import fin
from finjax.data.source import framing_of, load_store
from finjax.tasks.fin import train
from finjax.tasks.task import Task
from finjax.training import parallel


def main(devices: int, workdir: str) -> None:
    """Trains the network of the `:test` preset, on batches that need padding."""
    parallel.use_cpu_devices(devices, batch_size=56)
    config = fin.get_config("test", target="rms")
    config.train.max_steps = 5
    config.train.batch_size = 56
    config.train.steps_per_dispatch = 2
    config.log.tensorboard = False
    store, split = load_store(config.data)
    task = Task(config=config, store=store, split=split, framing=framing_of(config, store.rate_hz, horizon=0))
    assert parallel.device_count() == devices
    train(task, Path(workdir))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
