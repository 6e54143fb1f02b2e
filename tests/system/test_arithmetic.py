"""`np.seterr(all="raise")` in a user's script: numbers too small for float32 become 0, as without it."""

import dataclasses

import numpy as np
import pytest

import finjax
from finjax.configs import classical
from finjax.data import filters, synthetic
from finjax.data.registry import Filter
from finjax.evaluation import classification, regression, statistics
from finjax.live import LiveDecoder
from finjax.run import run

TINY = 1e-42  # below float32's smallest normal number
SETTINGS = synthetic.Settings(subjects=1, movement_s=1.0, rest_s=0.0)


@pytest.fixture(autouse=True)
def raising():
    with np.errstate(all="raise"):
        yield


@pytest.fixture(scope="module")
def recording():
    with np.errstate(all="raise"):
        return synthetic.generate(1, SETTINGS)


@pytest.fixture(scope="module")
def model(small_decoder):
    with np.errstate(all="raise"):
        return finjax.load(small_decoder)


def test_rounding_to_float32_would_raise():
    with pytest.raises(FloatingPointError, match="underflow"):
        np.array([TINY / 3]).astype(np.float32) * np.float32(0.5)


def test_a_filter_may_decay_to_zero(recording):
    silence = np.concatenate([recording.signal[:3000], np.zeros((60_000, 12), np.float32)])
    filter = Filter(highpass_hz=20.0, lowpass_hz=450.0, notch_hz=50.0)
    with np.errstate(all="warn", under="ignore"):
        expected = filters.apply(filter, silence, 2000.0)
    np.testing.assert_array_equal(filters.apply(filter, silence, 2000.0), expected)


@pytest.mark.parametrize("scale", [1.0, 1e-30, 0.0])
def test_models_accept_small_numbers(model, recording, scale):
    with np.errstate(under="ignore"):
        small = dataclasses.replace(recording, signal=recording.signal * np.float32(scale))
    assert np.isfinite(model.normalise(small)).all()
    windows = np.full((2, 12, model.framing.length), TINY * scale)
    assert np.asarray(model(windows)).shape == (2,)
    decoder = LiveDecoder(model)
    assert decoder.push(small.signal[:4000])
    decoder.calibrate(small.signal[:20_000])
    decoder.push(small.signal[:4000].astype(np.float64) * 1e-15)
    assert np.isfinite(decoder.level()).all()


def test_scores_when_nothing_is_right(tmp_path):
    assert classification.score(np.array([[0, 3], [4, 0]]))["macro_f1"] == 0
    truth = np.full((4, 2), TINY)
    regression.score(truth, truth / 3)
    statistics.summarise([0.0, 1e-200, 1e-300])
    statistics.compare([1e-200, 2e-300, 0.5], [0.0, 1e-300, 0.5])


def test_a_run_from_a_script(tmp_path):
    config = classical.get_config("test")
    config.subject, config.step = "1", "200ms"
    run(config, workdir=tmp_path / "run")
    assert (tmp_path / "run/eval/metrics.json").exists()
