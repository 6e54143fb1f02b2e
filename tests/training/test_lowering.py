"""The training programs of all stages are lowered for GPUs and TPUs, which this machine need not have."""

import jax
import numpy as np
import pytest
from jax import export

from finjax.configs import cnn, fin, fine_tune, raw_cnn
from finjax.devices import parallel
from finjax.run import run
from finjax.training import loop
from finjax.training.step import create_state, make_train_steps

PLATFORMS = ("cuda", "tpu")


class Caught(Exception):
    """Ends a run once its problem is known."""


@pytest.fixture
def problem_of(monkeypatch, tmp_path):
    """Returns the problem that a run would train."""

    def catch(config):
        config.log.tensorboard = False
        found = []

        def caught(self, problem, *others, **more):
            found.append(problem)
            raise Caught

        with monkeypatch.context() as patch:
            patch.setattr(loop.Trainer, "__init__", caught)
            with pytest.raises(Caught):
                run(config, workdir=tmp_path / "run")
        return found[0]

    return catch


def configurations():
    for precision in ("float32", "bfloat16"):
        config = fin.get_config("test", target="ssi")
        config.model.precision = precision
        yield pytest.param(config, id=f"fin_{precision}")
    virtual = cnn.get_config("test")
    virtual.features, virtual.patterns, virtual.cnn.kernel = "logstd,smyop", 1, 1000
    joint = fine_tune.get_config("test")
    joint.fine_tune.fin_init = "random"
    joint_virtual = fine_tune.get_config("test")
    joint_virtual.fine_tune.fin_init, joint_virtual.patterns = "random", 1
    named = {"cnn": cnn.get_config("test"), "virtual_channels": virtual, "joint": joint, "joint_virtual": joint_virtual}
    for name, config in {**named, "raw_cnn": raw_cnn.get_config("test")}.items():
        yield pytest.param(config, id=name)


@pytest.mark.parametrize("config", list(configurations()))
def test_the_training_steps_are_lowered_for_gpu_and_tpu(problem_of, config):
    problem = problem_of(config)
    steps = make_train_steps(problem.loss, problem.optimiser, seed=0, tile=problem.tile)
    state = create_state(problem.params, problem.stats, problem.optimiser)
    batches, factors = np.zeros((2, problem.tile), np.int32), np.ones(2, np.float32)
    # One device: what pmap would do on each of several.
    mapped = jax.vmap(steps, axis_name=parallel.AXIS)
    arguments = jax.tree.map(lambda leaf: np.asarray(leaf)[None], (state, problem.data, batches, factors))
    program = export.export(jax.jit(mapped), platforms=PLATFORMS)(*arguments)
    assert program.platforms == PLATFORMS
    assert "stablehlo.while" in program.mlir_module()  # the steps, and the LSTMs' time, are loops on the device
