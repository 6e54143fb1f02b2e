"""Trains a few steps on a given number of CPU devices, and stores the parameters; several tests run it."""

import argparse
from pathlib import Path

from ml_collections import ConfigDict

from finjax.configs import fin, fine_tune
from finjax.configs.parsing import parse
from finjax.devices import parallel
from finjax.system import processes
from finjax.system.process_place import find_place
from finjax.tasks import decoder
from finjax.tasks import fin as fin_task
from finjax.tasks.task import Task

BATCH = 56  # needs padding at the end of an epoch


def settings(stage: str, steps: int) -> ConfigDict:
    """Returns the `:test` preset of a stage, shortened; FIN+CNN starts from random FINs and has all kinds of noise."""
    if stage == "fin":
        config = fin.get_config("test", target="rms")
    else:
        config = fine_tune.get_config("test")
        config.features, config.subject, config.step = "rms", "1", "100ms"
        config.fine_tune.fin_init = "random"
        config.train.gain_sd, config.train.covariance_noise = 0.1, 0.5
    config.train.batch_size = BATCH
    config.train.max_steps, config.train.max_epochs = steps, 5
    config.train.steps_per_dispatch = 2
    config.log.tensorboard = False
    return config


def main() -> None:
    """Trains."""
    parser = argparse.ArgumentParser()
    parser.add_argument("stage")
    parser.add_argument("devices", type=int)
    parser.add_argument("workdir", type=Path)
    parser.add_argument("--subjects", type=int, default=1)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--rate", type=float, help="learning rate of all parameters")
    parser.add_argument("--coordinator")
    parser.add_argument("--num_processes", type=int)
    parser.add_argument("--process_id", type=int)
    options = parser.parse_args()
    with processes.joined(
        find_place(coordinator=options.coordinator, count=options.num_processes, index=options.process_id)
    ):
        parallel.use_cpu_devices(options.devices, batch_size=BATCH)
        parallel.connect_devices()
        config = settings(options.stage, options.steps)
        config.model.layers = options.layers
        if options.rate is not None:
            parts = (config.optimiser,) if options.stage == "fin" else (config.optimiser.fin, config.optimiser.cnn)
            for part in parts:
                part.learning_rate = options.rate
        task = Task.load(parse(config), horizon=0, subjects=range(1, options.subjects + 1))
        assert parallel.device_count() == options.devices * processes.count()
        {"fin": fin_task.train, "fine_tune": decoder.train}[options.stage](task, options.workdir)


if __name__ == "__main__":
    main()
