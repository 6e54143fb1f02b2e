"""With a horizon, noise and standardisation are fitted to the features that the CNN sees."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
from test_normalisation import LENGTH, make_task

from finjax.configs import cnn, fine_tune
from finjax.data.normalise import FeatureNormaliser, SignalNormaliser
from finjax.tasks import decoder
from finjax.tasks.initial import _standardisation
from finjax.tasks.normalisation import fit_statistics
from finjax.training.losses import noise_factor

PATTERNS = np.array([[1.0, 0.0], [0.0, 1.0], [0.5, -1.5]], np.float32)  # weights of virtual channels


def mixed(patterns, windows):
    return windows if patterns is None else np.einsum("vc,nct->nvt", patterns, windows)


@pytest.mark.numerics
@pytest.mark.parametrize("patterns", [None, PATTERNS], ids=["channels", "virtual"])
@pytest.mark.parametrize(("module", "lead"), [(fine_tune, 150), (cnn, 0)])
def test_the_noise_has_the_covariance_of_the_features_that_the_cnn_sees(module, lead, patterns):
    task = make_task(module, subjects=(1,), horizon=3, features="rms,wl", train={"covariance_noise": 0.5})
    windows = task.part("tune")
    signal = SignalNormaliser(subjects=np.array([1]), mean=np.zeros((1, 2)), std=np.ones((1, 2)), limit=np.inf)
    start = SimpleNamespace(
        features=("rms", "wl"),
        feature=FeatureNormaliser(mean=np.zeros(2), std=np.ones(2)),
        statistics=SimpleNamespace(signal=signal),
        params={} if patterns is None else {"patterns": patterns},
    )
    seen = mixed(patterns, task.store.cut_out(dataclasses.replace(windows, start=windows.start + lead), length=LENGTH))
    rms, wl = np.sqrt(np.mean(seen**2, axis=-1)), np.abs(np.diff(seen, axis=-1)).sum(axis=-1)
    expected = noise_factor(np.stack([rms, wl], axis=-1).reshape(len(seen), -1), windows.movement, scale=0.5)
    # Running sums and the direct features round differently, and the root of the covariance halves the digits of its
    # smallest directions. The features of the windows ahead differ by far more.
    np.testing.assert_allclose(decoder._jitter(task, start, windows), expected, rtol=1e-3, atol=1e-3)


@pytest.mark.numerics
@pytest.mark.parametrize("patterns", [None, PATTERNS], ids=["channels", "virtual"])
@pytest.mark.parametrize(("module", "lead"), [(fine_tune, 150), (cnn, 0)])
def test_features_are_standardised_as_the_cnn_sees_them(module, lead, patterns):
    task = make_task(module, subjects=(1,), horizon=3, limit_sd=0.0)
    share = task.part("tune")
    signal = fit_statistics(task, share).signal
    feature = _standardisation(task, ("rms",), {}, None, share, signal=signal, patterns=patterns)
    seen = task.store.cut_out(dataclasses.replace(share, start=share.start + lead), length=LENGTH)
    seen = mixed(patterns, (seen - signal.mean[0][:, None]) / signal.std[0][:, None])
    rms = np.sqrt(np.mean(seen**2, axis=-1))
    np.testing.assert_allclose([feature.mean[0], feature.std[0]], [rms.mean(), rms.std()], rtol=1e-4)
