"""One, three and eight devices compute the same gradients and statistics."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from rounding import assert_trees_close

import finjax
from finjax.configs.build import stage_optimiser
from finjax.training.checkpoints import Checkpoints
from finjax.training.step import create_state

pytestmark = [pytest.mark.numerics, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
BATCH = 56  # examples, as in `devices_child.py`
TERMS = BATCH * 60  # terms of a gradient: windows of a batch × time steps of the LSTMs


def trained_on(devices: int, workdir: Path, *, stage: str, steps: int = 5):
    """Trains at a learning rate that changes no weight; returns Adam's first moments and the running statistics.

    The moments are then sums of the gradients of all steps at the same weights, each with its own batch and noise.
    """
    child = Path(__file__).with_name("devices_child.py")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, child, stage, str(devices), workdir, f"--steps={steps}", "--rate=1e-12"]
    subprocess.run(command, check=True, env=environment, timeout=300)
    model = finjax.load(workdir)
    assert model.step == steps
    template = create_state(model.params, getattr(model, "stats", {}), stage_optimiser(model.config))
    with Checkpoints(workdir) as checkpoints:
        state, _ = checkpoints.restore(template, steps)
    leaves = {jax.tree_util.keystr(path): leaf for path, leaf in jax.tree.leaves_with_path(state.opt_state)}
    moments = {name: np.asarray(leaf) for name, leaf in leaves.items() if ".mu" in name}
    assert len(moments) == len(jax.tree.leaves(model.params))
    return moments, jax.tree.map(np.asarray, state.stats)


def test_eight_devices_train_as_one(tmp_path):
    (one, _), (eight, _) = (trained_on(n, tmp_path / str(n), stage="fin") for n in (1, 8))
    assert_trees_close(eight, one, terms=TERMS)


def test_three_devices_train_a_decoder_as_one(tmp_path):
    """BatchNorm uses the whole batch, which three does not divide; each example has its own noise and dropout.

    Statistics and gradients are continuous except at PReLU's kink: if rounding moves a value across 0, its whole part
    of the gradients of earlier layers changes. So no bound by the number of terms holds for gradients. But the change
    is less than what one of the batch's 56 examples adds. A device that counted padding as an example, or drew other
    noise, would change more.
    """
    one, three = (trained_on(n, tmp_path / str(n), stage="fine_tune", steps=8) for n in (1, 3))
    assert_trees_close(three[1], one[1], terms=TERMS)
    gradients, others = one[0], three[0]
    whole = np.sqrt(sum(np.sum(np.square(leaf)) for leaf in gradients.values()))
    for name, gradient in gradients.items():
        # The gradient of a bias before BatchNorm is only rounding, relative to the gradients of the layers after it.
        allowed = max(np.linalg.norm(gradient), 0.01 * whole) / BATCH
        assert np.linalg.norm(others[name] - gradient) < allowed, name
