"""The training loop on a small problem: it learns, stops, resumes exactly, and reports errors."""

import dataclasses
import json
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from toy import TARGETS, config, final, loss, problem, train_toy

from finjax.errors import TrainingError
from finjax.training.checkpoints import read_model


def lines(workdir: Path, key: str) -> list[dict]:
    found = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
    return [line for line in found if key in line]


def test_learns_logs_and_saves(tmp_path):
    train_toy(problem(rate=0.3), config(), tmp_path)
    assert final(tmp_path) == pytest.approx(TARGETS.mean(), abs=0.1)
    losses = lines(tmp_path, "loss")
    assert [line["step"] for line in losses] == [5, 10, 15, 20]
    assert losses[-1]["loss"] < 0.1 * losses[0]["loss"]
    assert read_model(tmp_path).step == 20
    assert read_model(tmp_path).info["kind"] == "toy"


def test_epoch_losses_are_means_over_all_examples_once(tmp_path):
    train_toy(problem(rate=0.0), config(), tmp_path)
    epochs = lines(tmp_path, "epoch_loss")
    assert [line["step"] for line in epochs] == [5, 10, 15, 20]  # 37 examples, batches of 8
    # Nothing moves, so each epoch's loss is the mean square of the targets plus the noise's variance.
    for line in epochs:
        assert line["epoch_loss"] == pytest.approx(np.mean(TARGETS**2) + 1e-4, rel=2e-2)


def test_stops_when_epochs_no_longer_move_the_loss(tmp_path):
    changes = {"train.stop_after_epochs": 2, "train.stop_change": 0.1}
    train_toy(problem(rate=0.0), config(**changes), tmp_path)
    assert read_model(tmp_path).step == 15  # the first epoch has nothing to compare with
    train_toy(problem(rate=0.0), config(**changes), tmp_path)  # finished: trains no more
    assert read_model(tmp_path).step == 15


def test_max_epochs_limits_the_steps(tmp_path):
    train_toy(problem(), config(**{"train.max_steps": 0, "train.max_epochs": 2}), tmp_path)
    assert read_model(tmp_path).step == 10


def test_validation_decides_when_to_stop_and_which_checkpoint_is_best(tmp_path):
    losses = iter([3.0, 1.0, 2.0, 2.0, 0.5])
    validated = problem(validate=lambda state: {"loss": next(losses), "accuracy": 0.5})
    train_toy(validated, config(**{"train.max_steps": 0, "train.stop_after_epochs": 2}), tmp_path)
    assert read_model(tmp_path).step == 20  # two epochs in a row that did not come below 1.0
    assert read_model(tmp_path, step="best").step == 10
    assert [line["validation.loss"] for line in lines(tmp_path, "validation.loss")] == [3.0, 1.0, 2.0, 2.0]


def test_a_checkpoint_without_validation_is_never_the_best(tmp_path):
    validated = problem(validate=lambda state: {"loss": 9.0})
    train_toy(validated, config(**{"train.max_steps": 13, "checkpoint.every_steps": 3}), tmp_path)
    assert read_model(tmp_path).step == 13
    assert read_model(tmp_path, step="best").step in (5, 10)


def test_without_examples_the_initial_parameters_are_saved(tmp_path):
    train_toy(problem(examples=0), config(), tmp_path)
    assert read_model(tmp_path).step == 0 and final(tmp_path) == 0.0
    assert json.loads((tmp_path / "config.json").read_text())["config"]["seed"] == config().seed
    train_toy(problem(examples=0), config(), tmp_path)  # finished


@pytest.mark.parametrize("stop", [7, 10])
def test_an_interrupted_run_resumes_exactly(tmp_path, stop):
    train_toy(problem(), config(), tmp_path / "whole")

    def interrupt(state):
        raise KeyboardInterrupt

    interrupted = dataclasses.replace(problem(), watch=interrupt)
    with pytest.raises(KeyboardInterrupt):
        train_toy(interrupted, config(**{"evaluate.every_steps": stop}), tmp_path / "cut")
    assert read_model(tmp_path / "cut").step == 5
    train_toy(problem(), config(), tmp_path / "cut")
    assert final(tmp_path / "cut") == final(tmp_path / "whole")
    whole, cut = (
        [{k: v for k, v in line.items() if k != "windows_per_s"} for line in lines(tmp_path / run, "step")]
        for run in ("whole", "cut")
    )
    assert cut == whole


def test_watching_changes_nothing(tmp_path):
    train_toy(problem(), config(), tmp_path / "blind")
    train_toy(problem(), config(**{"evaluate.every_steps": 5}), tmp_path / "watched")
    assert final(tmp_path / "blind") == final(tmp_path / "watched")
    assert [line["step"] for line in lines(tmp_path / "watched", "value")] == [5, 10, 15, 20]


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_last_checkpoint(tmp_path):
    def bad(params, stats, data, examples, key):
        total, rest = loss(params, stats, data, examples, key)
        return jnp.where(params["value"] > 0.03, jnp.nan, 1.0) * total, rest

    changes = {"optimiser.schedule": "constant"}
    with pytest.raises(TrainingError, match=r"nan at step 8.*learning rate 0\.005.*step 5 is kept"):
        train_toy(problem(loss=bad, rate=0.005), config(**changes), tmp_path)
    assert read_model(tmp_path).step == 5
