"""Alignment with a new person, on a person whose electrodes have other gains and another place on the arm."""

import dataclasses

import jax
import numpy as np
import pytest

from finjax.data.gather import WindowData
from finjax.models.cnn import CNN
from finjax.models.decoders import VirtualFeatureDecoder, feature_values_of
from finjax.models.discriminant import fit_discriminant
from finjax.training.alignment import aligned, aligned_and_turned, no_alignment, shift_of, with_centre

CHANNELS, CLASSES, LENGTH, PER_CLASS = 6, 8, 40, 40
DECODER = VirtualFeatureDecoder(
    cnn=CNN(classes=CLASSES, kernel=100), read_out_weight=1.0, features=("logstd",), channels=CHANNELS, shadows=1,
    length=LENGTH,
)  # fmt: skip
GAINS = np.exp(np.random.default_rng(5).normal(size=CHANNELS)).astype(np.float32)


def recording(seed: int, *, gains=1.0, turn=0) -> tuple[np.ndarray, np.ndarray]:
    """Windows `[n, C, T]` of movements that each raise the level of other channels, and the movements."""
    rng = np.random.default_rng(seed)
    levels = np.exp(0.7 * np.random.default_rng(0).normal(size=(CLASSES, CHANNELS)))
    movement = np.repeat(np.arange(CLASSES), PER_CLASS)
    windows = rng.normal(size=(len(movement), CHANNELS, LENGTH)) * levels[movement][..., None]
    return (np.roll(windows, turn, axis=1) * np.reshape(gains, (-1, 1))).astype(np.float32), movement


def features_of(params, windows) -> np.ndarray:
    return np.asarray(feature_values_of(DECODER.before_cnn(params, windows)))


@pytest.fixture(scope="module")
def trained():
    """A decoder of another person: its CNN says nothing, and its read-out knows the movements."""
    windows, movement = recording(1)
    cnn, stats = DECODER.init_cnn(jax.random.key(0), channels=CHANNELS)
    params = {
        "cnn": jax.tree.map(np.zeros_like, cnn),
        "patterns": np.eye(CHANNELS, dtype=np.float32),
        "standardisation": {"mean": np.zeros(1, np.float32), "std": np.ones(1, np.float32)},
        "alignment": no_alignment(DECODER, channels=CHANNELS),
    }
    features = features_of(params, windows)
    params["read_out"] = fit_discriminant(features, movement, kind="lda", classes=CLASSES, ridge=0.1)
    return with_centre(params, features), stats


def accuracy(params, stats, windows, movement) -> float:
    # `predict` outside of pmap: the CNN of this test has no mapped axis.
    return float(np.mean(np.asarray(DECODER.predict(params, stats, windows)).argmax(axis=1) == movement))


def test_the_centre_is_the_mean_over_the_training_windows(trained):
    params, _ = trained
    windows, _ = recording(1)
    by_hand = np.log(windows.std(axis=2)).mean(axis=0)
    np.testing.assert_allclose(params["alignment"]["centre"][:, 0], by_hand, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(shift_of(params), np.zeros(CHANNELS))


def test_other_gains_are_shifted_away(trained):
    params, stats = trained
    windows, movement = recording(2, gains=GAINS)
    own = aligned(DECODER, params, WindowData.of_windows(windows), windows=len(windows), batch_size=50)
    # A gain g adds log g to the logarithm of a deviation.
    np.testing.assert_allclose(shift_of(own), -np.log(GAINS), atol=0.1)
    mean = (features_of(own, windows) + shift_of(own)).mean(axis=0)
    np.testing.assert_allclose(mean, params["alignment"]["centre"][:, 0], atol=1e-4)
    assert accuracy(params, stats, windows, movement) < 0.9 < 0.97 < accuracy(own, stats, windows, movement)


@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize("turn", [0, 2, 5])
def test_the_turn_of_the_electrodes_is_found(trained, turn, labelled):
    params, stats = trained
    windows, movement = recording(3, turn=turn)
    own, found = aligned_and_turned(
        DECODER, params, stats, WindowData.of_windows(windows), windows=len(windows), batch_size=50,
        movement=movement if labelled else None,
    )  # fmt: skip
    assert found == turn
    assert accuracy(own, stats, windows, movement) > 0.97
    if turn:
        assert accuracy(params, stats, windows, movement) < 0.9


def test_training_shifts_the_features_too(trained):
    params, stats = trained
    windows, _ = recording(1)
    # With an equal shift on both sides, the logits of training and inference differ by nothing but BatchNorm.
    frozen = dataclasses.replace(DECODER, cnn_frozen=True, read_out_weight=0.0)
    cnn, _ = DECODER.init_cnn(jax.random.key(1), channels=CHANNELS)
    shifted = {**params, "cnn": cnn, "alignment": {**params["alignment"], "shift": np.ones((CHANNELS, 1), np.float32)}}
    keys = jax.random.split(jax.random.key(0), len(windows))
    logits, _ = frozen.train(shifted, stats, windows, keys=keys)
    np.testing.assert_array_equal(logits, frozen.predict(shifted, stats, windows))
    assert np.abs(logits - frozen.train({**params, "cnn": cnn}, stats, windows, keys=keys)[0]).max() > 1e-3
