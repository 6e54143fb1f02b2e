"""Trains each stage for two steps and uses the models; run in a process with other settings of JAX."""

import sys
from pathlib import Path

import jax
import numpy as np

import finjax
from finjax.configs import cnn, fin, fine_tune, raw_cnn
from finjax.data import synthetic
from finjax.estimator import FINClassifier, FINFeatures
from finjax.evaluation import figures
from finjax.inference.export import export_model
from finjax.live import LiveDecoder
from finjax.run import run

WINDOWS = np.random.default_rng(0).normal(size=(4, 12, 600)).astype(np.float32)


def trained(folder: Path, modules=(fin, cnn, fine_tune, raw_cnn)) -> dict[str, np.ndarray]:
    """Trains the stages, and returns the outputs of their models."""
    found = {}
    for module in modules:
        config = module.get_config("test", target="rms") if module is fin else module.get_config("test")
        config.log.tensorboard, config.cpu_devices, config.train.max_steps = False, 1, 2
        config.train.batch_size = config.evaluate.batch_size = 16
        if "model" in config:
            config.model.layers, config.model.hidden = 1, 4
        if module is not fin:
            config.subject, config.step = "1", "300ms"
            if module is not raw_cnn:
                config.features = "rms"
        if module is fine_tune:
            config.fine_tune.fins = str(folder / "fin")
        run(config, workdir=folder / config.stage)
        model = finjax.load(folder / config.stage / ("" if module is fin else "subject_1"))
        found[config.stage] = np.asarray(model(WINDOWS[0]) if module is fin else model.logits(WINDOWS))
    return found


def used(folder: Path) -> dict[str, np.ndarray]:
    """Returns the outputs of a live decoder, an exported model and the estimator."""
    found = {}
    signal = synthetic.generate(1, synthetic.Settings(subjects=1, movement_s=1.0, rest_s=0.0)).signal
    live = LiveDecoder(folder / "cnn/subject_1", update="100ms")
    found["live"] = np.stack([decision.probabilities for decision in live.push(signal[:1000])])
    found["exported"] = export_model(folder / "fine_tune/subject_1", folder / "file", platforms=("cpu",)).run(WINDOWS)
    windows, labels = np.random.default_rng(0).normal(size=(16, 2, 60)), np.arange(16) % 2
    fins = FINFeatures(features=("rms",), steps=2, hidden=4, layers=1)
    found["estimator"] = FINClassifier(fins, epochs=1, tune_steps=1).fit(windows, labels).predict_proba(windows)
    return found


if __name__ == "__main__":
    figures.save = lambda figure, path: None  # figures take long, and have no numbers
    folder = Path(sys.argv[1])
    np.savez(sys.argv[2], **trained(folder), **used(folder))
    assert jax.local_device_count() == 1  # as the configurations say
