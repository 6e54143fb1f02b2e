"""Virtual channels: common spatial patterns, closed-form features of them, and decoders that train them."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from rounding import assert_close

from finjax.configs import cnn, fine_tune
from finjax.configs.build import build_decoder, stage_optimiser
from finjax.configs.parsing import parse
from finjax.errors import ConfigError
from finjax.features import get_feature
from finjax.models.cnn import CNN
from finjax.models.decoders import FINDecoder
from finjax.models.fin import FIN
from finjax.models.patterns import (
    common_spatial_patterns,
    features_of_virtual_channels,
    mix,
    virtual_channels,
)
from finjax.models.stack import FINStack

pytestmark = pytest.mark.numerics

CHANNELS, LENGTH, PATTERNS, CLASSES = 4, 60, 2, 3
RNG = np.random.default_rng(0)
WINDOWS = RNG.normal(size=(6, CHANNELS, LENGTH)).astype(np.float32)
WEIGHTS = RNG.normal(size=(7, CHANNELS)).astype(np.float32)


def covariances_of_movements(windows: int = 30) -> tuple[np.ndarray, np.ndarray]:
    """Covariances of windows in which movement k makes channel k stronger, and movement 0 channels 2 and 3 in step."""
    rng, found, movement = np.random.default_rng(1), [], []
    for label in range(CLASSES):
        mixing = np.eye(CHANNELS)
        mixing[label, label] = 4.0
        if label == 0:
            mixing[2, 3] = 3.0
        for _ in range(windows):
            found.append(np.cov(mixing @ rng.normal(size=(CHANNELS, 500))))
            movement.append(label)
    return np.array(found, np.float32), np.array(movement)


@pytest.mark.parametrize("name", ["logstd", "logstd_d1", "logstd_d2", "logvar", "var", "smyop", "rms"])
def test_features_of_virtual_channels_are_those_of_the_mixed_signals(name):
    mixed = np.einsum("vc,bct->bvt", WEIGHTS, WINDOWS)
    expected = np.asarray(get_feature(name).direct(mixed))
    found = features_of_virtual_channels([name], jnp.asarray(WINDOWS), WEIGHTS)
    assert found.shape == (6, 7, 1)
    # A variance as wᵀ Σ w sums C² products of sums over the window.
    assert_close(found[..., 0], expected, terms=LENGTH * CHANNELS**2, floor=1.0)


def test_patterns_begin_with_the_channels_and_have_unit_variance():
    covariances, movement = covariances_of_movements()
    found = common_spatial_patterns(covariances, movement, patterns=PATTERNS, classes=CLASSES)
    assert found.shape == (virtual_channels(PATTERNS, channels=CHANNELS, classes=CLASSES), CHANNELS)
    np.testing.assert_array_equal(found[:CHANNELS], np.eye(CHANNELS))
    whole = np.mean([covariances[movement == label].mean(axis=0) for label in range(CLASSES)], axis=0)
    variances = np.einsum("vc,cd,vd->v", found, whole, found)[CHANNELS:]
    np.testing.assert_allclose(variances, 1, atol=0.1)  # but for the ridge


@pytest.mark.parametrize("label", range(CLASSES))
def test_the_first_pattern_of_a_movement_is_the_combination_that_it_changes_most(label):
    covariances, movement = covariances_of_movements()
    found = common_spatial_patterns(covariances, movement, patterns=1, classes=CLASSES)[CHANNELS + label]
    own = covariances[movement == label].mean(axis=0)
    rest = np.mean([covariances[movement == other].mean(axis=0) for other in range(CLASSES) if other != label], axis=0)

    def change(weights):
        variance, of_rest = (np.einsum("...c,cd,...d->...", weights, matrix, weights) for matrix in (own, rest))
        return np.abs(np.log(variance / of_rest))

    anywhere = np.random.default_rng(2).normal(size=(20_000, CHANNELS))
    assert change(found) > change(anywhere).max() - 0.3  # but for the ridge
    assert change(found) > np.median(change(anywhere)) + 0.5


def test_a_movement_without_windows_gets_channels():
    covariances, movement = covariances_of_movements()
    found = common_spatial_patterns(
        covariances[movement > 0], movement[movement > 0], patterns=PATTERNS, classes=CLASSES
    )
    np.testing.assert_array_equal(found[CHANNELS : CHANNELS + PATTERNS], np.eye(CHANNELS)[:PATTERNS])
    one = common_spatial_patterns(covariances[movement == 1], movement[movement == 1], patterns=1, classes=CLASSES)
    np.testing.assert_array_equal(one[CHANNELS:], np.eye(CHANNELS)[[0, 0, 0]])  # nothing to compare it with


@pytest.mark.parametrize("fault", ["flat", "equal"])
def test_patterns_are_finite_with_faulty_channels(fault):
    covariances, movement = covariances_of_movements()
    if fault == "flat":
        covariances[:, 1] = covariances[:, :, 1] = 0.0
    else:
        covariances[:, 1], covariances[:, :, 1] = covariances[:, 0], covariances[:, :, 0]
        covariances[:, 1, 1] = covariances[:, 0, 0]
    found = common_spatial_patterns(covariances, movement, patterns=CHANNELS, classes=CLASSES)
    assert np.isfinite(found).all()
    # A flat electrode has no weight that its noise, once it is back, would turn into a large signal.
    assert np.abs(found).max() < 20


def test_more_patterns_than_channels_are_refused():
    covariances, movement = covariances_of_movements(2)
    with pytest.raises(ConfigError, match="patterns=5: there cannot be more for a movement than channels, 4"):
        common_spatial_patterns(covariances, movement, patterns=5, classes=CLASSES)


def test_fins_run_on_the_virtual_channels():
    stack = FINStack(fin=FIN(hidden=4, layers=1, patch_size=20, shadows=2), features=1, channels=len(WEIGHTS))
    decoder = FINDecoder(cnn=CNN(classes=CLASSES), fins=stack, length=LENGTH, tile=None)
    params = {"fins": decoder.init_fins(jax.random.key(0)), "patterns": WEIGHTS}
    mixed = mix(jnp.asarray(WEIGHTS), jnp.asarray(WINDOWS))
    expected = decoder.before_cnn({"fins": params["fins"]}, mixed)
    np.testing.assert_array_equal(decoder.before_cnn(params, WINDOWS), expected)
    assert decoder.cnn_input(channels=CHANNELS) == expected.shape[1:]


def build(module, **changes):
    config = module.get_config("test")
    config.features, config.patterns = "logstd,smyop", PATTERNS
    if module is fine_tune:
        config.model.hidden, config.model.layers, config.model.patch_size = 4, 1, 20
    config.update_from_flattened_dict(changes)
    settings = parse(config)
    decoder = build_decoder(
        settings, features=("logstd", "smyop"), channels=CHANNELS, classes=CLASSES, length=LENGTH, batch_size=6
    )
    return settings, decoder


@pytest.mark.parametrize("module", [cnn, fine_tune])
def test_the_gradient_reaches_the_patterns(module):
    _, decoder = build(module)
    decoder = dataclasses.replace(decoder, cnn=CNN(classes=CLASSES))  # without devices to average over
    network, stats = decoder.init_cnn(jax.random.key(0), channels=CHANNELS)
    count = virtual_channels(PATTERNS, channels=CHANNELS, classes=CLASSES)
    params = {"cnn": network, "patterns": RNG.normal(size=(count, CHANNELS)).astype(np.float32)}
    if module is cnn:
        params["standardisation"] = {"mean": np.zeros(2, np.float32), "std": np.ones(2, np.float32)}
    else:
        params["fins"] = decoder.init_fins(jax.random.key(1))
    keys = jax.random.split(jax.random.key(3), len(WINDOWS))

    def loss(params):
        return jnp.sum(jnp.square(decoder.train(params, stats, jnp.asarray(WINDOWS), keys=keys)[0] - 1.0))

    gradient = jax.jit(jax.grad(loss))(params)["patterns"]
    assert np.isfinite(gradient).all() and (np.abs(gradient).max(axis=1) > 0).all()


@pytest.mark.parametrize("module", [cnn, fine_tune])
def test_patterns_have_a_learning_rate_of_their_own(module):
    settings, _ = build(module, **{"optimiser.patterns.learning_rate": 0.25, "optimiser.patterns.l2": 0.5})
    groups = {group.prefix: group for group in stage_optimiser(settings).groups}
    assert (groups["patterns"].learning_rate, groups["patterns"].l2, groups["patterns"].frozen) == (0.25, 0.5, False)
    plain, _ = build(module, patterns=0)
    assert "patterns" not in {group.prefix for group in stage_optimiser(plain).groups}


def test_patterns_can_be_frozen():
    settings, _ = build(fine_tune, **{"fine_tune.freeze": "patterns"})
    frozen = {group.prefix for group in stage_optimiser(settings).groups if group.frozen}
    assert frozen == {"patterns", "read_out"}
