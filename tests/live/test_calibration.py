"""Calibration trains as a run with the same configuration does."""

import dataclasses
from types import SimpleNamespace

import jax
import numpy as np
import pytest

import finjax
from finjax.configs import cnn, fine_tune
from finjax.configs.build import stage_optimiser
from finjax.configs.parsing import parse
from finjax.data import synthetic
from finjax.data.normalise import FeatureNormaliser
from finjax.live import calibration
from finjax.tasks import decoder
from finjax.tasks.task import Task
from finjax.training.losses import noise_factor


def known(repetition):
    """Returns the repetition of subject 1 that tunes, alone."""
    one = synthetic.generate(1, synthetic.Settings(subjects=2, movement_s=1.0, rest_s=0.0))
    kept = one.repetition == repetition
    return dataclasses.replace(
        one, signal=one.signal[kept], movement=one.movement[kept], repetition=one.repetition[kept]
    )


@pytest.mark.slow
@pytest.mark.numerics
def test_calibration_ends_with_the_weights_of_a_run_on_the_same_windows(small_decoder, tmp_path):
    config = cnn.get_config("test")
    config.features, config.subject, config.step, config.log.tensorboard = "rms,wl", "1", "100ms", False
    config.data.seen_tune_repetitions = "6"
    config.fine_tune.cnn_init, config.validation_share, config.seed = str(small_decoder), 0.0, 3
    config.optimiser.schedule, config.optimiser.clip_norm = "constant", 0.5
    config.train.batch_size, config.train.max_epochs, config.train.max_steps = 48, 2, 0
    config.train.label_smoothing, config.train.steps_per_dispatch = 0.1, 3  # an epoch
    settings = parse(config)
    decoder.train(Task.load(settings, horizon=0, subjects=(1,)), tmp_path)
    trained, start = finjax.load(tmp_path), finjax.load(small_decoder)
    model = dataclasses.replace(start, config=settings, signal=trained.signal)
    recording = known(6)
    windows, predicted, movement = calibration.windows_of(model, recording)
    assert len(movement) % 48 and predicted is not windows
    z = model.normalise(recording)
    windows, _, _ = calibration.windows_of(model, dataclasses.replace(recording, signal=z))
    tuned = calibration.tuned(model, windows, movement, predicted=windows, progress=False)

    def apart(one, other):
        ours, theirs = (jax.tree.leaves((m.params["cnn"], m.stats)) for m in (one, other))
        return np.sqrt(sum(np.sum((a - b) ** 2) for a, b in zip(ours, theirs, strict=True)))

    # Where a gradient is almost 0, rounding decides on Adam's step: of few weights, so that the norm hardly shows it.
    assert apart(tuned, trained) < 0.02 * apart(trained, start)


class CapturedError(Exception):
    """Carries what a training was to be."""


@pytest.fixture
def captured(monkeypatch):
    """Returns a function that calibrates FINs and a CNN with a configuration, and returns how they were to be tuned."""

    def tune(decoder, params, stats, inputs, movement, **how):
        raise CapturedError(how)

    def calibrate(config, windows, movement, predicted):
        monkeypatch.setattr(calibration, "tune", tune)
        features = tuple(config.features.split(","))
        feature = FeatureNormaliser(mean=np.zeros(len(features)), std=np.ones(len(features)))
        model = SimpleNamespace(
            config=parse(config), features=features, feature=feature, decoder=None, params={}, stats={}
        )  # fmt: skip
        with pytest.raises(CapturedError) as caught:
            calibration.tuned(model, windows, movement, predicted=predicted, progress=False)
        return caught.value.args[0]

    return calibrate


def test_calibration_takes_every_setting_from_the_configuration(captured):
    config = fine_tune.get_config()
    config.features = "rms"
    config.optimiser.schedule, config.optimiser.clip_norm, config.fine_tune.freeze = "constant", 0.7, "head"
    config.optimiser.fin.layer_factors = (0.0, 0.5, 1.0)
    config.train.update(
        batch_size=77, max_steps=11, max_epochs=5, steps_per_dispatch=3, stop_after_epochs=2, stop_change=0.1,
        label_smoothing=0.2,
    )  # fmt: skip
    config.cnn.read_out, config.cnn.read_out_ridge, config.seed = "lda", 0.3, 9
    windows = np.ones((4, 2, 40), np.float32)
    how = captured(config, windows, np.array([0, 0, 1, 1]), windows)
    optimiser, settings = how.pop("optimiser"), how.pop("settings")
    expected = {"report": None, "jitter": None, "read_out": "lda", "read_out_ridge": 0.3, "label_smoothing": 0.2}
    assert how == expected
    assert optimiser == stage_optimiser(parse(config))
    assert optimiser.clip_norm == 0.7 and sum(group.frozen for group in optimiser.groups) == 3
    assert (settings.schedule, settings.seed, settings.train.batch_size) == ("constant", 9, 77)
    assert (settings.train.steps_per_dispatch, settings.train.stop_after_epochs) == (3, 2)
    assert settings.train.stop_change == 0.1
    # As in a run: at most so many steps, and at most so many epochs.
    assert (settings.train.last_step(1), settings.train.last_step(100)) == (5, 11)


@pytest.mark.numerics
def test_with_a_horizon_the_noise_comes_from_the_predicted_windows(captured):
    rng = np.random.default_rng(0)
    windows, predicted = rng.normal(size=(2, 30, 2, 40)).astype(np.float32)
    movement = np.arange(30) % 2
    config = fine_tune.get_config()
    config.features, config.train.covariance_noise = "rms", 1.0
    rms = np.sqrt(np.mean(predicted**2, axis=-1))
    found = captured(config, windows, movement, predicted)["jitter"]
    np.testing.assert_allclose(found, noise_factor(rms, movement, scale=1.0), rtol=1e-4, atol=1e-5)


def test_predicted_windows_are_the_horizon_later(small_decoder):
    model = finjax.load(small_decoder)
    ahead = dataclasses.replace(model.framing, horizon=2)
    recording = known(1)
    windows, predicted, movement = calibration.windows_of(dataclasses.replace(model, framing=ahead), recording)
    lead = 2 * model.framing.step
    np.testing.assert_array_equal(windows[0], recording.signal[:600].T)
    np.testing.assert_array_equal(predicted[0], recording.signal[lead : lead + 600].T)
    assert len(windows) == len(predicted) == len(movement)
