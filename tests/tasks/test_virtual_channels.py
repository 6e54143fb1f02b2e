"""The sequence of `:spatial`: FINs trained on mixtures, a CNN on virtual channels, both together, live and exported."""

import json

import numpy as np
import pytest
from rounding import assert_close

import finjax
from finjax.configs import cnn, fin, fine_tune
from finjax.configs.parsing import parse
from finjax.data import synthetic
from finjax.errors import FinjaxError
from finjax.features import get_feature
from finjax.inference.export import export_model
from finjax.live import LiveDecoder
from finjax.plots import sheet
from finjax.run import run
from finjax.tasks.decoder import split_for_validation, tuning_windows
from finjax.tasks.task import Task

pytestmark = pytest.mark.slow

CHANNELS, CLASSES = 12, 17
WINDOWS = np.random.default_rng(0).normal(size=(3, CHANNELS, 600)).astype(np.float32)


def small(module, **changes):
    config = module.get_config("test")
    config.log.tensorboard = False
    if module is not fin:
        config.step, config.subject, config.features, config.patterns = "100ms", "1", "logstd,smyop", 1
        config.cnn.kernel, config.cnn.read_out, config.cnn.read_out_ridge = 1000, "rda", 0.1
    config.update_from_flattened_dict(changes)
    return config


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Runs of FINs in `fin_logstd` and `fin_smyop`, of a CNN in `cnn`, and of both together in `fine_tune`."""
    folder = tmp_path_factory.mktemp("runs")
    long = {"train.max_steps": 400, "train.steps_per_dispatch": 20, "checkpoint.every_steps": 400}
    run(small(fin, target="logstd,smyop", **{"train.mixtures": 0.5}, **long), workdir=folder)
    run(small(cnn), workdir=folder / "cnn")
    start = {"fine_tune.fins": f"{folder}/fin_{{feature}}", "fine_tune.cnn_init": f"{folder}/cnn/subject_1"}
    run(small(fine_tune, **start), workdir=folder / "fine_tune")
    return folder


def test_a_fin_is_scored_on_mixtures_too(folder):
    metrics = json.loads((folder / "fin_smyop/eval/metrics.json").read_text())
    for part in ("seen", "unseen"):
        own, mixed = metrics[part], metrics[part]["mixtures"]
        # About as good on both. Values of other windows or in other units would be unrelated: R² about 0.
        assert own["r2"] != mixed["r2"] and mixed["r2"] > 0.1 and mixed["mae"] < 3 * own["mae"]


def test_the_weights_of_the_virtual_channels_are_trained_in_both_stages(folder):
    first, second = (finjax.load(folder / stage / "subject_1").params["patterns"] for stage in ("cnn", "fine_tune"))
    assert first.shape == second.shape == (CHANNELS + CLASSES, CHANNELS)
    assert np.abs(first[:CHANNELS] - np.eye(CHANNELS)).max() > 1e-3  # they began as the channels
    assert 1e-4 < np.abs(second - first).max() < 1.0  # the second stage began where the first ended


def test_the_fins_are_scored_on_the_virtual_channels_before_their_tuning(folder):
    found = json.loads((folder / "fine_tune/subject_1/imitation.json").read_text())
    # The same by hand: on all windows to tune on, in place of some, so that the figures differ a little.
    config = small(fine_tune)
    task = Task.load(parse(config), horizon=0, subjects=(1,))
    fitted, _ = split_for_validation(task, tuning_windows(task))
    start, windows = finjax.load(folder / "cnn/subject_1"), task.store.cut_out(fitted, length=600)
    z = (windows - start.signal.mean[0][:, None]) / start.signal.std[0][:, None]
    mixed = np.einsum("vc,nct->nvt", start.params["patterns"], z).reshape(-1, 600).astype(np.float32)
    for name in ("logstd", "smyop"):
        true = np.asarray(get_feature(name).direct(mixed))
        error = true - np.asarray(finjax.load(folder / f"fin_{name}")(mixed))
        assert found["r2"][name] == pytest.approx(1 - np.sum(error**2) / np.sum((true - true.mean()) ** 2), abs=0.02)
    assert not (folder / "cnn/subject_1/imitation.json").exists()


@pytest.mark.numerics
@pytest.mark.parametrize("stage", ["cnn", "fine_tune"])
def test_checkpoint_export_and_live_decoder_agree(folder, tmp_path, stage):
    model = finjax.load(folder / stage / "subject_1")
    expected = np.asarray(model.logits(WINDOWS))
    exported = export_model(folder / stage / "subject_1", tmp_path / "model.finjax")
    assert_close(exported.run(WINDOWS), expected, terms=3 * 600)
    decoder = LiveDecoder(model, filtered=True)
    recording = synthetic.generate(1, synthetic.Settings(subjects=2, movement_s=1.0, rest_s=0.0))
    (decision,) = decoder.push(recording.signal[:600])
    window = model.normalise(recording)[:600].T[None]
    assert model.movement_names[int(model(window)[0])] == decision.movement


def test_calibration_trains_the_virtual_channels(folder):
    decoder = LiveDecoder(folder / "cnn/subject_1")
    before = decoder.model.params["patterns"]
    recording = synthetic.generate(2, synthetic.Settings(subjects=2, movement_s=1.0, rest_s=0.0))
    kept = recording.repetition == 1
    decoder.calibrate(recording.signal[kept], recording.movement[kept], progress=False)
    assert np.abs(decoder.model.params["patterns"] - before).max() > 1e-4


def test_a_start_with_other_virtual_channels_is_refused(folder, tmp_path):
    start = {"fine_tune.fins": f"{folder}/fin_{{feature}}", "fine_tune.cnn_init": f"{folder}/cnn/subject_1"}
    with pytest.raises(FinjaxError, match=r"has --config.patterns=1, but the configuration asks for 2"):
        run(small(fine_tune, patterns=2, **start), workdir=tmp_path)
    with pytest.raises(FinjaxError, match=r"has --config.patterns=1, but the configuration asks for 0"):
        run(small(fine_tune, patterns=0, **start), workdir=tmp_path)


def test_more_patterns_than_channels_are_refused(tmp_path):
    with pytest.raises(FinjaxError, match="--config.patterns=13: a movement cannot have more patterns than .* 12"):
        run(small(cnn, patterns=13), workdir=tmp_path)


def test_patterns_that_are_not_there_cannot_be_frozen(tmp_path):
    with pytest.raises(FinjaxError, match="--config.fine_tune.freeze=patterns: there are no patterns to freeze"):
        run(small(fine_tune, patterns=0, **{"fine_tune.freeze": "patterns"}), workdir=tmp_path)


def test_a_pooled_decoder_is_tested_on_new_people_and_ahead_of_time(folder, tmp_path):
    pooled = {"subject": "seen", "pooled": True, "prediction": (2,)}
    run(small(cnn, **pooled), workdir=tmp_path / "pooled")
    zero = {"subject": "2", "percentage": 0.0, "prediction": (2,), "fine_tune.cnn_init": f"{tmp_path}/pooled/pooled"}
    run(small(cnn, **zero), workdir=tmp_path / "zero")
    weights = [finjax.load(tmp_path / name).params["patterns"] for name in ("pooled/pooled", "zero/subject_2")]
    np.testing.assert_array_equal(*weights)


def test_a_sheet_shows_the_virtual_channels_that_began_as_channels(folder, tmp_path):
    model = finjax.load(folder / "fine_tune/subject_1")
    sheet.draw(tmp_path / "sheet.png", model, Task.load(model.config, horizon=0, subjects=(1,)), repetition=2)
    assert (tmp_path / "sheet.png").stat().st_size > 10_000
