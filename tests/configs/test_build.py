"""Training changes neither parameters nor statistics of a frozen CNN."""

import jax
import numpy as np
import pytest

from finjax.configs import fine_tune
from finjax.configs.build import build_decoder, stage_optimiser
from finjax.configs.parsing import parse
from finjax.data.gather import WindowData
from finjax.models.cnn import CNN
from finjax.models.decoders import FeatureDecoder
from finjax.training.fit import tune


@pytest.fixture(scope="module")
def windows():
    return np.random.default_rng(0).normal(size=(12, 2, 40)).astype(np.float32)


def build(**changes):
    config = fine_tune.get_config("test")
    config.update_from_flattened_dict(
        {"model.hidden": 2, "model.layers": 1, "model.patch_size": 20, "cnn.filters": (3, 2), "cnn.dropout": 0.5}
        | {"fine_tune.freeze": "cnn"} | changes
    )  # fmt: skip
    config.train.batch_size, config.train.max_steps = 8, 3
    settings = parse(config)
    return settings, build_decoder(settings, features=("rms",), channels=2, classes=2, length=40, batch_size=8)


def start(decoder):
    params, stats = decoder.init_cnn(jax.random.key(0), channels=2)
    return jax.tree.map(np.asarray, ({"cnn": params, "fins": decoder.init_fins(jax.random.key(1))}, stats))


@pytest.mark.slow
def test_training_changes_no_bit_of_a_frozen_cnn(windows):
    config, decoder = build()
    params, stats = start(decoder)
    how = {"optimiser": stage_optimiser(config), "settings": config.trainer}
    inputs, movement = WindowData.of_windows(windows), np.arange(12) % 2
    tuned, tuned_stats = tune(decoder, params, stats, inputs, movement, **how)
    for before, after in ((params["cnn"], tuned["cnn"]), (stats, tuned_stats)):
        for one, other in zip(jax.tree.leaves(before), jax.tree.leaves(after), strict=True):
            assert one.tobytes() == np.asarray(other).tobytes()
    assert np.abs(tuned["fins"]["head"]["kernel"] - params["fins"]["head"]["kernel"]).max() > 0


@pytest.mark.parametrize(("freeze", "frozen"), [("cnn", True), ("cnn,fins", True), ("fins", False), ("", False)])
def test_the_decoder_knows_that_its_cnn_is_frozen(freeze, frozen):
    assert build(**{"fine_tune.freeze": freeze})[1].cnn_frozen == frozen


@pytest.mark.parametrize("frozen", [True, False])
def test_a_frozen_cnn_computes_in_training_what_it_does_in_inference(frozen):
    network = CNN(classes=2, filters=(3, 2), dropout=0.5)
    decoder = FeatureDecoder(cnn=network, shadows=3, noise=0.0, features=1, cnn_frozen=frozen)
    params, stats = decoder.init_cnn(jax.random.key(0), channels=2)
    features = np.random.default_rng(0).normal(size=(8, 2, 3, 1)).astype(np.float32)
    keys = jax.random.split(jax.random.key(2), 8)
    logits, after = jax.jit(decoder.train)({"cnn": params}, stats, features, keys=keys)
    expected = jax.jit(decoder.predict)({"cnn": params}, stats, features)
    assert np.allclose(logits, expected, atol=1e-6) == frozen
    moved = [np.abs(a - b).max() > 0 for a, b in zip(jax.tree.leaves(after), jax.tree.leaves(stats), strict=True)]
    assert any(moved) != frozen
