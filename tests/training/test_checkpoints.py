"""Checkpoints: which are kept, how they are restored, and the errors if none can be used."""

import json
import re
import shutil

import jax
import numpy as np
import pytest

from finjax.errors import CheckpointError
from finjax.training.checkpoints import Checkpoints, read_model
from finjax.training.optimiser import Group, Optimiser
from finjax.training.step import create_state

OPTIMISER = Optimiser(groups=(Group(learning_rate=0.1),))
PARAMS = {"lstm": {"kernel": np.arange(6, dtype=np.float32).reshape(2, 3)}, "bias": np.ones(4, np.float32)}
STATS = {"norm": {"mean": np.full(3, 7, np.float32)}}
NORMALISERS = {"signal": {"mean": np.ones((2, 3), np.float32)}, "feature": {"std": np.float32(4)}}
INFO = {"kind": "toy", "config": {"seed": 1, "filter": {"highpass_hz": None}}}
LOSSES = {1: 3.0, 2: 1.0, 3: 2.0}


@pytest.fixture
def workdir(tmp_path):
    state = create_state(PARAMS, STATS, OPTIMISER)
    with Checkpoints(tmp_path) as checkpoints:
        for step, loss in LOSSES.items():
            state = state.replace(step=np.int32(step), params={**PARAMS, "bias": np.full(4, step, np.float32)})
            checkpoints.save(
                state,
                normalisers=NORMALISERS,
                info=INFO,
                progress={"step": step, "x": float("inf")},
                loss=loss,
            )
    return tmp_path


def test_the_newest_and_the_best_are_kept(workdir):
    assert sorted(int(p.name) for p in (workdir / "checkpoints").iterdir() if p.name.isdigit()) == [2, 3]
    assert read_model(workdir).step == 3
    assert read_model(workdir, step="best").step == 2
    assert read_model(workdir, step=2).params["bias"][0] == 2


def test_a_saved_model_is_restored(workdir):
    saved = read_model(workdir)
    np.testing.assert_array_equal(saved.params["lstm"]["kernel"], PARAMS["lstm"]["kernel"])
    np.testing.assert_array_equal(saved.stats["norm"]["mean"], STATS["norm"]["mean"])
    np.testing.assert_array_equal(saved.normalisers["signal"]["mean"], NORMALISERS["signal"]["mean"])
    assert saved.info["config"] == INFO["config"]


def test_a_training_state_is_restored_with_its_structure(workdir):
    template = create_state(PARAMS, STATS, OPTIMISER)
    with Checkpoints(workdir) as checkpoints:
        state, progress = checkpoints.restore(template, checkpoints.latest())
    assert int(state.step) == 3
    assert progress == {"step": 3, "x": float("inf")}
    OPTIMISER.transformation().update(PARAMS, state.opt_state, PARAMS)  # optax's own tuples, not dictionaries


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="no such folder"):
        read_model(tmp_path / "nowhere")
    with pytest.raises(CheckpointError, match="has no folder checkpoints/.*runs/fin_ssi"):
        read_model(tmp_path)
    (tmp_path / "checkpoints").mkdir()
    with pytest.raises(CheckpointError, match="no finished checkpoint yet"):
        read_model(tmp_path)


def test_the_folder_may_be_a_relative_path(workdir, monkeypatch):
    monkeypatch.chdir(workdir.parent)
    assert read_model(workdir.name).step == 3
    with Checkpoints(workdir.name) as checkpoints:
        assert checkpoints.latest() == 3


def test_a_step_that_is_not_there_is_refused(workdir):
    with pytest.raises(CheckpointError, match=r'no step 7: choose from \[2, 3\], "latest" and "best"'):
        read_model(workdir, step=7)


def test_a_damaged_checkpoint_is_named(workdir, caplog):
    for file in (workdir / "checkpoints" / "3" / "variables").rglob("*"):
        if file.is_file():
            file.write_bytes(b"")
    assert read_model(workdir).step == 2
    assert "checkpoints/3 cannot be read" in caplog.text and re.search(
        "Using the one before: .*checkpoints/2$", caplog.text, re.M
    )
    with pytest.raises(CheckpointError, match="checkpoints/3 cannot be read"):
        read_model(workdir, step=3)


def test_the_best_checkpoint_is_refused_if_a_loss_is_damaged(workdir):
    (workdir / "checkpoints/3/metrics/metrics").write_text("")
    with pytest.raises(CheckpointError, match="3/metrics/metrics is damaged.*choose latest"):
        read_model(workdir, step="best")


def flip_a_bit_of_the_largest_file(folder):
    path = max((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 16
    path.write_bytes(content)


# Random numbers: zstd cannot compress them and stores them as they are, so orbax notices no flipped bit.
def random_state(fill):
    kernel = np.random.default_rng(0).normal(size=(60, 50)).astype(np.float32) * fill
    return create_state({"kernel": kernel}, {}, OPTIMISER).replace(step=np.int32(4))


@pytest.fixture
def random_workdir(tmp_path):
    state = random_state(1)
    state = state.replace(opt_state=jax.tree.map(lambda leaf: np.full_like(leaf, 3), state.opt_state))
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(state, normalisers=NORMALISERS, info=INFO, progress={"step": 4}, loss=1.0)
    return tmp_path


def test_a_flipped_bit_of_a_weight_is_noticed(random_workdir):
    read_model(random_workdir)
    flip_a_bit_of_the_largest_file(random_workdir / "checkpoints" / "4" / "variables")
    with pytest.raises(CheckpointError, match=r"checkpoints/4 is damaged \(variables: not what was saved\)"):
        read_model(random_workdir)
    with Checkpoints(random_workdir) as checkpoints, pytest.raises(CheckpointError, match="variables: not what"):
        checkpoints.restore(random_state(0), 4)


def test_a_checkpoint_without_digests_is_damaged(random_workdir):
    shutil.rmtree(random_workdir / "checkpoints" / "4" / "digests")
    with pytest.raises(CheckpointError, match="checkpoints/4 cannot be read"):
        read_model(random_workdir)


@pytest.mark.parametrize(
    ("item", "old", "new"),
    [("model", '"seed":1', '"seed":2'), ("progress", '"step":4', '"step":5'), ("digests", '"model"', '"modem"')],
)
def test_a_changed_number_of_json_is_noticed(random_workdir, item, old, new):
    path = random_workdir / "checkpoints" / "4" / item / "metadata"
    content = json.dumps(json.loads(path.read_text()), separators=(",", ":"))
    assert old in content
    path.write_text(content.replace(old, new))
    with (
        Checkpoints(random_workdir) as checkpoints,
        pytest.raises(CheckpointError, match=r"is damaged \((model|progress): not what"),
    ):
        checkpoints.restore(random_state(0), 4)


def test_a_checkpoint_of_another_format_is_refused_before_it_is_read(workdir, monkeypatch):
    monkeypatch.setattr("finjax.training.checkpoint_items.FORMAT", 99)
    shutil.rmtree(workdir / "checkpoints" / "3" / "variables")
    with pytest.raises(CheckpointError, match=r"format \d+; this finjax reads 99"):
        read_model(workdir)
