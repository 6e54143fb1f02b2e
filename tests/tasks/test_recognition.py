"""Stages 2 and 3 as a user runs them: the sequence, zero-shot, and what is refused before any training."""

import json
import shutil

import jax
import numpy as np
import pytest
from rounding import assert_close

import finjax
from finjax.configs import classical, cnn, fin, fine_tune, raw_cnn
from finjax.configs.parsing import parse
from finjax.errors import FinjaxError
from finjax.run import run
from finjax.training.checkpoints import has_checkpoint

pytestmark = pytest.mark.slow


def small(module, **changes):
    config = module.get_config("test")
    if "log" in config:
        config.log.tensorboard = False
    if config.stage != "fin":
        config.step = "100ms"
    config.update_from_flattened_dict(changes)
    return config


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """FINs of RMS and VAR, a CNN of the seen subject, and FIN+CNN of the unseen one."""
    folder = tmp_path_factory.mktemp("runs")
    run(small(fin, target="rms,var"), workdir=folder)
    pooled = {"features": "rms,var", "subject": "seen", "pooled": True}
    run(small(cnn, **pooled), workdir=folder / "cnn")
    run(small(fine_tune, subject="2", **start(folder)), workdir=folder / "fine_tune")
    return folder


def start(folder) -> dict:
    return {"fine_tune.fins": f"{folder}/fin_{{feature}}", "fine_tune.cnn_init": f"{folder}/cnn/pooled"}


def metrics(folder) -> dict:
    return json.loads((folder / "eval/metrics.json").read_text())


def test_a_run_writes_its_files(runs):
    folder = runs / "fine_tune"
    for name in ("eval/metrics.json", "eval/confusion.png", "eval/accuracy.png"):
        assert (folder / name).stat().st_size > 0, name
    for name in ("config.json", "metrics.jsonl", "eval/metrics.json", "eval/decisions.npz", "eval/learning_curve.png"):
        assert (folder / "subject_2" / name).stat().st_size > 0, name
    result = metrics(folder)
    # 17 movements × 2 repetitions of 1 s: (2000 − 600) // 200 + 1 = 8 windows each.
    assert (result["windows"], result["segments"]) == (17 * 2 * 8, 17 * 2)
    decisions = np.load(folder / "subject_2/eval/decisions.npz")
    assert set(decisions["repetition"]) == {2, 5} and set(decisions["subject"]) == {2}
    accuracy = np.mean(decisions["movement"] == decisions["predicted"])
    assert result["summary"]["accuracy"]["mean"] == pytest.approx(accuracy)


def test_the_checkpoint_describes_its_model_and_training_data(runs):
    model = finjax.load(runs / "fine_tune/subject_2")
    assert (model.kind, model.features, model.subjects) == ("fine_tune", ("rms", "var"), (2,))
    # FINs and CNN: subject 1 (training 1, 3, 4, and the CNN its tuning 6 too); the decoder: subject 2.
    assert model.trained_on == {1: (1, 3, 4, 6), 2: (1, 3, 4, 6)}
    windows = np.random.default_rng(0).normal(size=(3, 12, 600)).astype(np.float32)
    assert model.logits(windows).shape == (3, 17)
    np.testing.assert_array_equal(model(windows), np.argmax(model.logits(windows), axis=-1))


def test_evaluating_again_gives_the_same(runs, tmp_path):
    workdir = shutil.copytree(runs / "fine_tune", tmp_path / "fine_tune")
    before = metrics(workdir)["subjects"]
    (workdir / "eval/metrics.json").unlink()
    run(small(fine_tune, subject="2", **start(runs)), workdir=workdir, mode="evaluate")
    assert metrics(workdir)["subjects"] == before


@pytest.mark.numerics
def test_a_zero_shot_decoder_has_the_weights_of_its_fins_and_cnn(runs, tmp_path):
    run(small(fine_tune, subject="2", percentage=0.0, **start(runs)), workdir=tmp_path)
    model, cnn_model = finjax.load(tmp_path / "subject_2"), finjax.load(runs / "cnn/pooled")
    assert model.step == 0
    for one, other in zip(
        jax.tree.leaves((model.params["cnn"], model.stats)),
        jax.tree.leaves((cnn_model.params["cnn"], cnn_model.stats)),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)
    # The FIN's output has the CNN's standardisation of the feature, not the one that the FIN was trained with.
    windows = np.random.default_rng(0).normal(size=(4, 12, 600)).astype(np.float32)
    rms = finjax.load(runs / "fin_rms")
    expected = (np.asarray(rms(windows[:, 3])) - cnn_model.feature.mean[0]) / cnn_model.feature.std[0]
    assert_close(model.decoder.before_cnn(model.params, windows)[:, 3, 0, 0], expected, terms=3 * 600)


def test_frozen_fins_keep_their_weights(runs, tmp_path):
    run(small(fine_tune, subject="2", **start(runs), **{"fine_tune.freeze": "fins"}), workdir=tmp_path)
    model, rms = finjax.load(tmp_path / "subject_2"), finjax.load(runs / "fin_rms")
    kernel = rms.params["lstm_0"]["kernel"]
    np.testing.assert_array_equal(
        model.params["fins"]["lstm_0"]["kernel"][0], np.broadcast_to(kernel, (12, *kernel.shape))
    )
    tuned = finjax.load(runs / "fine_tune/subject_2").params["fins"]["lstm_0"]["kernel"]
    assert np.abs(tuned[0] - kernel).max() > 1e-4
    assert np.abs(tuned[0, 0] - tuned[0, 1]).max() > 1e-4  # the channels' weights differ


@pytest.mark.parametrize(
    ("classifier", "features", "ridge"),
    [
        ("lda", "logstd", 0.0),
        ("svm", "hudgins", 0.0),
        ("rda", "rms,wl", 0.0),
        ("rda", "spatial", 0.1),  # more features than the windows of a movement
        ("lda", "logcov,rms", 0.1),
        ("mdm", "cov", 0.0),
    ],
)
def test_classical_baselines_are_better_than_chance(tmp_path, classifier, features, ridge):
    changes = {"classifier": classifier, "features": features, "ridge": ridge, "evaluate.vote": 3}
    run(small(classical, **changes), workdir=tmp_path)
    summary = metrics(tmp_path)["summary"]
    assert summary["accuracy"]["mean"] > 0.15  # chance is 1/17
    assert summary["vote"]["decisions"] == 3


def test_the_end_to_end_network_is_trained(tmp_path):
    run(small(raw_cnn, subject="2"), workdir=tmp_path)
    assert finjax.load(tmp_path / "subject_2").logits(np.zeros((1, 12, 600))).shape == (1, 17)


@pytest.mark.parametrize(
    ("module", "changes", "message"),
    [
        (
            fine_tune,
            {"fine_tune.fins": "{runs}/fin_rms"},
            "FIN in .*fin_rms has the feature rms, but the configuration asks for var",
        ),
        (fine_tune, {"window": "150ms"}, "FIN in .*the window length 600 samples, but .* asks for 300"),
        (fine_tune, {"prediction": (2,)}, "FIN in .*the horizon 0 samples, but .* asks for 400"),
        (fine_tune, {"model.hidden": 16}, "FIN in .* has --config.model.hidden=8, but the configuration asks for 16"),
        (fine_tune, {"features": "rms,ssi"}, "no finjax run in .*fin_ssi"),
        (
            fine_tune,
            {"features": "rms,var", "cnn.kernel": 3},
            "decoder in .* has --config.cnn.kernel=5, but the configuration asks for 3",
        ),
        (
            fine_tune,
            {"fine_tune.fin_init": "decoder", "fine_tune.cnn_init": "{runs}/fine_tune/subject_2", "model.hidden": 16},
            "decoder in .* has --config.model.hidden=8, but the configuration asks for 16",
        ),
        (fine_tune, {"fine_tune.freeze": "lstm"}, "unknown lstm; choose from fins, head, cnn"),
        (fine_tune, {"fine_tune.fin_init": "chrono"}, "'chrono': choose from pretrained, random, decoder"),
        (fine_tune, {"optimiser.fin.layer_factors": (1.0, 0.5)}, "one factor of 0 or more for each of the 3 layers"),
        (classical, {"classifier": "mdm"}, "classifier=mdm takes covariance matrices alone: give cov"),
        (fine_tune, {"features": "rms,logcov"}, "feature 'logcov' is one between channels"),
        (fine_tune, {"fine_tune.cnn_init": "{runs}/fin_rms"}, "holds the FIN of rms, not a decoder of movements"),
        (fine_tune, {"percentage": 120.0}, "percentage=120: must be 0 to 100 \\(per cent of the tuning windows\\)"),
        (fine_tune, {"percentage": 0.0, "fine_tune.fin_init": "random"}, "percentage=0 tests without training"),
        (fine_tune, {"subject": "1", "percentage": 0.0}, "trained on subjects 1, among them 1"),
        (fine_tune, {"subject": "9"}, "no data of subjects 9; there are 1-2"),
        (fine_tune, {"validation_share": 1.5}, "validation_share=1.5"),
        (fine_tune, {"prediction": (30,)}, "no window fits"),
        (cnn, {"features": "rms,vra"}, "unknown feature 'vra'"),
        (cnn, {"cnn.read_out": "svm"}, "cnn.read_out='svm': choose from lda, rda"),
        (cnn, {"percentage_how": "last"}, "'last': choose from leading, random"),
        (classical, {"classifier": "knn"}, "'knn'"),
    ],
)
def test_impossible_settings_are_refused_before_any_training(runs, tmp_path, module, changes, message):
    changes = {k: v.format(runs=runs) if isinstance(v, str) and "{runs}" in v else v for k, v in changes.items()}
    if module is fine_tune:
        changes = {"subject": "2", **start(runs), **changes}
    with pytest.raises(FinjaxError, match=message):
        run(small(module, **changes), workdir=tmp_path / "run")
    assert not list(tmp_path.rglob("checkpoints"))


def test_a_cnn_of_other_movements_is_refused(runs, tmp_path):
    """The checkpoint has 17 movements, the data have 11."""
    from finjax.inference.restored import load_decoder
    from finjax.tasks.compatibility import refuse_unfit_start
    from finjax.tasks.task import Task

    config = small(cnn, features="rms,var")
    task = Task.load(parse(config), horizon=0, subjects=(2,))
    eleven = tuple(f"grip {n}" for n in range(11))
    other = Task(
        settings=task.settings,
        store=task.store.__class__(**{**vars(task.store), "movement_names": eleven}),
        split=task.split,
        framing=task.framing,
    )
    with pytest.raises(FinjaxError, match="the number of movements 17, but the configuration asks for 11"):
        refuse_unfit_start(load_decoder(runs / "cnn/pooled"), ("rms", "var"), other, path="runs/cnn")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cnn.filters": (16, 8)}, r"--config.cnn.filters=\(64, 32\), but the configuration asks for \(16, 8\)"),
        ({"cnn.kernel": 3}, "--config.cnn.kernel=5, but the configuration asks for 3"),
        ({"model.layers": 2}, "--config.model.layers=3, but the configuration asks for 2"),
        ({"model.shadows": 6}, "--config.model.shadows=12, but the configuration asks for 6"),
        ({"cnn.read_out": "rda"}, "--config.cnn.read_out=none, but the configuration asks for rda"),
    ],
)
def test_evaluation_with_other_network_sizes_is_refused(runs, changes, message):
    config = small(fine_tune, subject="2", **start(runs), **changes)
    with pytest.raises(FinjaxError, match=f"the checkpoint has {message}: name the --workdir of another run"):
        run(config, workdir=runs / "fine_tune", mode="evaluate")


def test_a_run_of_another_configuration_is_not_resumed(runs):
    config = small(fine_tune, subject="2", **start(runs), **{"train.label_smoothing": 0.1})
    with pytest.raises(FinjaxError, match=r"another configuration \(train.label_smoothing: recorded 0.0, now 0.1\)"):
        run(config, workdir=runs / "fine_tune")
    assert has_checkpoint(runs / "fine_tune/subject_2")


def test_tuning_repetitions_cannot_be_test_repetitions(runs):
    config = small(
        fine_tune, subject="2", **start(runs),
        **{"data.test_repetitions": "6", "data.unseen_tune_repetitions": "1", "data.seen_tune_repetitions": "1"},
    )  # fmt: skip
    with pytest.raises(FinjaxError, match="trained on repetitions 6 of subject 2; they cannot be test repetitions"):
        run(config, workdir=runs / "fine_tune", mode="evaluate")
