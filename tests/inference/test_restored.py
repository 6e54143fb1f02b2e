"""A restored model, used as in a script."""

import copy
import dataclasses
import pickle
import sys

import jax
import numpy as np
import pytest
from rounding import assert_close

import finjax
from finjax import features
from finjax.data.synthetic import Settings, generate
from finjax.errors import CheckpointError, DataError
from finjax.training.checkpoints import Checkpoints, read_model
from finjax.training.optimiser import Group, Optimiser
from finjax.training.step import create_state

SETTINGS = Settings(subjects=3, movement_s=1.0, rest_s=0.0)


@pytest.fixture(scope="module")
def model(finished_run):
    return finjax.load(finished_run[0])


def test_a_model_holds_its_description(model):
    assert (model.target, model.step, model.horizon_ms, model.rate_hz) == ("ssi", 20, 0.0, 2000.0)
    assert model.config.train.max_steps == 20
    assert model.config.prediction == (0,)


@pytest.mark.slow
@pytest.mark.numerics
def test_windows_to_features(model):
    windows = np.random.default_rng(0).normal(size=(5, 600))
    output = model.apply(windows)
    assert output.shape == (5, 12)
    expected = np.asarray(output[:, 0]) * model.feature.std + model.feature.mean
    np.testing.assert_allclose(model(windows), expected, rtol=1e-5)
    direct = model.network.apply({"params": model.params}, windows.astype(np.float32))
    assert_close(output, direct, terms=3 * 600)


@pytest.mark.slow
def test_a_model_can_be_copied_and_pickled_after_its_use(model, small_decoder):
    decoder = finjax.load(small_decoder)
    for used, windows in ((model, np.zeros((2, 600))), (decoder, np.zeros((2, 12, 600)))):
        expected = np.asarray(used(windows))
        for other in (copy.deepcopy(used), pickle.loads(pickle.dumps(used)), copy.copy(used)):
            np.testing.assert_allclose(other(windows), expected, rtol=1e-6)
            assert other.config == used.config and other.trained_on == used.trained_on


def test_a_known_subject_is_normalised_by_its_stored_statistics(model):
    recording = generate(1, SETTINGS)
    test = np.isin(recording.repetition, (2, 5))
    z = model.normalise(recording)
    assert z.shape == recording.signal.shape and z.dtype == np.float32
    expected = recording.signal[~test]
    expected = (recording.signal - expected.mean(axis=0)) / expected.std(axis=0)
    np.testing.assert_allclose(z, np.clip(expected, -15, 15), rtol=1e-3, atol=1e-4)


def test_a_new_subject_is_normalised_by_its_own_recording(model):
    recording = generate(3, SETTINGS)
    signal = recording.signal.astype(np.float64)
    expected = np.clip((signal - signal.mean(axis=0)) / signal.std(axis=0), -15, 15)
    np.testing.assert_allclose(model.normalise(recording), expected, rtol=1e-4, atol=1e-4)


def test_a_known_subject_is_normalised_in_the_unit_of_its_recording(model):
    recording = generate(1, SETTINGS)
    volts = dataclasses.replace(recording, signal=recording.signal * np.float32(1e-3), unit="V")
    assert (model.unit, recording.unit) == ("mV", "mV")
    np.testing.assert_allclose(model.normalise(volts), model.normalise(recording), rtol=1e-4, atol=1e-4)
    with pytest.raises(DataError, match="mV cannot be converted to counts"):
        model.normalise(dataclasses.replace(recording, unit="counts"))


def test_z_scores_are_converted_to_another_unit(model):
    volts = model.in_unit("V")
    np.testing.assert_allclose(volts.signal.mean, np.asarray(model.signal.mean) / 1000, rtol=1e-6)
    np.testing.assert_allclose(volts.signal.std, np.asarray(model.signal.std) / 1000, rtol=1e-6)
    assert volts.unit == "V" and model.in_unit("") is model
    with pytest.raises(DataError, match="mV cannot be converted to counts"):
        model.in_unit("counts")


def test_a_model_names_the_source_of_its_z_scores(model):
    assert model.statistics_from == {1: "unlabelled", 2: "unlabelled"}
    mean, std = model.mean_of_seen()  # of subject 1, which it was trained on
    np.testing.assert_array_equal(mean, model.signal.mean[0])
    np.testing.assert_array_equal(std, model.signal.std[0])
    assert model.mean_of_seen(apart_from=(1,)) is None


def test_an_old_checkpoint_used_all_samples_except_the_test_repetitions(small_decoder, monkeypatch):
    saved = read_model(small_decoder, step="latest")
    assert finjax.load(small_decoder).statistics_from == {1: "used"}
    info = {key: value for key, value in saved.info.items() if key not in ("statistics_from", "unit")}
    info["config"] = {key: value for key, value in info["config"].items() if key != "statistics"}
    monkeypatch.setattr("finjax.inference.restored.read_model", lambda *_, **__: dataclasses.replace(saved, info=info))
    old = finjax.load(small_decoder)
    assert (old.statistics_from, old.config.statistics) == ({1: "unlabelled"}, "unlabelled")
    assert old.unit == ""


def test_windows_and_recordings_that_do_not_fit_are_refused(model):
    with pytest.raises(ValueError, match=r"windows \[B, 600\] \(300 ms at 2000 Hz\), not \(2, 300\)"):
        model(np.zeros((2, 300)))
    recording = generate(3, SETTINGS)
    with pytest.raises(DataError, match="1000 Hz, the model 2000 Hz"):
        model.normalise(type(recording)(**{**vars(recording), "rate_hz": 1000.0}))


@pytest.mark.slow
def test_modules_that_a_checkpoint_names_are_not_imported(finished_run, tmp_path, monkeypatch):
    (tmp_path / "stranger.py").write_text("raise SystemExit('the code of a stranger ran')")
    monkeypatch.syspath_prepend(tmp_path)
    saved = read_model(finished_run[0])
    info = {name: value for name, value in saved.info.items() if name not in ("format", "digests")}
    info["config"]["plugins"] = "stranger"
    state = create_state(saved.params, saved.stats, Optimiser(groups=(Group(learning_rate=0.0),)))
    with Checkpoints(tmp_path / "run") as checkpoints:
        state = state.replace(step=np.int32(saved.step))
        checkpoints.save(state, normalisers=saved.normalisers, info=info, progress={"step": 1}, loss=0.0)
    model = finjax.load(tmp_path / "run")
    assert model(np.zeros((1, 600))).shape == (1,)
    assert model.config.plugins == "stranger" and "stranger" not in sys.modules


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="no finjax run in"):
        finjax.load(tmp_path)


@pytest.mark.slow
@pytest.mark.numerics
def test_the_target_stored_is_the_closed_form_feature(model):
    # The standardisation in the checkpoint is that of the training windows' SSI, from the definition.
    recording = generate(1, SETTINGS)
    z = model.normalise(recording)
    windows = [
        z[start : start + 600]
        for begin, end, _, repetition in recording.segments()
        if repetition in (1, 3, 4)
        for start in range(begin, end - 599, 20)
    ]
    values = jax.vmap(features.ssi)(np.swapaxes(np.array(windows), 1, 2))
    np.testing.assert_allclose(values.mean(), model.feature.mean, rtol=1e-4)
    np.testing.assert_allclose(values.std(), model.feature.std, rtol=1e-3)
