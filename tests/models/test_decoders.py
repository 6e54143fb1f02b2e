"""Decoders: the stack of FINs, the recomputed gradient, shadows, read-out and noise."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
from rounding import assert_close

from finjax.data.gather import FeatureData, WindowData
from finjax.devices.tiling import Tile
from finjax.models.cnn import CNN
from finjax.models.decoders import FeatureDecoder, FINDecoder, feature_values_of
from finjax.models.discriminant import fit_discriminant, scores
from finjax.models.fin import FIN
from finjax.models.stack import FINStack
from finjax.training.losses import correlated_noise

pytestmark = pytest.mark.numerics

FEATURES, CHANNELS, LENGTH = 2, 5, 60


def fin_decoder(**changes) -> FINDecoder:
    fields = {
        "cnn": CNN(classes=4, filters=(6, 5), kernel=3),
        "fins": FINStack(fin=FIN(hidden=6, patch_size=10, shadows=8), features=FEATURES, channels=CHANNELS),
        "length": LENGTH,
        "tile": Tile(fins=2, windows=4),
    }
    return FINDecoder(**{**fields, **changes})


@pytest.fixture(scope="module")
def params_and_stats():
    decoder = fin_decoder()
    cnn, stats = decoder.init_cnn(jax.random.key(1), channels=CHANNELS)
    return {"fins": decoder.init_fins(jax.random.key(0)), "cnn": cnn}, stats


WINDOWS = jax.random.normal(jax.random.key(2), (10, CHANNELS, LENGTH))  # not a multiple of the tile


@pytest.mark.slow
def test_each_fin_of_the_stack_equals_a_separate_fin(params_and_stats):
    params, _ = params_and_stats
    decoder = fin_decoder()
    together = decoder.before_cnn(params, WINDOWS)
    assert together.shape == (10, CHANNELS, 8, FEATURES)
    for feature, channel in ((0, 0), (1, 0), (1, 4)):
        own = jax.tree.map(lambda leaf, at=(feature, channel): leaf[at], params["fins"])
        alone = decoder.fins.fin.apply({"params": own}, WINDOWS[:, channel])
        assert_close(together[:, channel, :, feature], alone, terms=LENGTH)
    assert np.ptp([leaf[0, 0].sum() - leaf[0, 1].sum() for leaf in jax.tree.leaves(params["fins"])]) > 0


def gradient(decoder, params, stats):
    keys = jax.random.split(jax.random.key(3), len(WINDOWS))

    def loss(params):
        logits, _ = decoder.train(params, stats, WINDOWS, keys=keys)
        return jnp.sum(jnp.square(logits - 1.0))

    return jax.jit(jax.grad(loss))(params)


@pytest.mark.slow
@pytest.mark.parametrize("tile", [Tile(fins=1, windows=4), Tile(fins=5, windows=1), Tile(fins=10, windows=10)])
def test_recomputing_in_tiles_gives_the_same_gradient(params_and_stats, tile):
    params, stats = params_and_stats
    plain = gradient(fin_decoder(recompute=False, tile=None), params, stats)
    saving = gradient(fin_decoder(recompute=True, tile=tile), params, stats)
    for (path, one), other in zip(jax.tree.leaves_with_path(plain), jax.tree.leaves(saving), strict=True):
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        if not re.fullmatch(r"cnn/conv_\d/bias", name):  # BatchNorm takes it away: its gradient is rounding
            assert_close(other, one, terms=len(WINDOWS) * LENGTH, err_msg=name)


def test_closed_form_features_get_shadows_in_training_only():
    decoder = FeatureDecoder(cnn=CNN(classes=4), shadows=12, noise=0.01, features=3)
    data = FeatureData(values=np.random.default_rng(0).normal(size=(20, CHANNELS, 3)).astype(np.float32))
    chosen = jnp.array([7, 3])
    plain = decoder.take(data, chosen)
    assert plain.shape == (2, CHANNELS, 12, 3)
    np.testing.assert_array_equal(plain, np.repeat(data.values[[7, 3]][:, :, None], 12, axis=2))
    shadowed = decoder.take(data, chosen, keys=jax.random.split(jax.random.key(0), 2))
    np.testing.assert_array_equal(shadowed[:, :, 0], data.values[[7, 3]])
    relative = np.asarray(shadowed[:, :, 1:] / plain[:, :, 1:] - 1)
    assert 0.008 < relative.std() < 0.012  # 330 draws
    assert len(np.unique(relative)) > 300


def test_windows_are_gathered_with_all_channels_and_gain_is_common_to_them():
    rng = np.random.default_rng(0)
    data = WindowData(
        samples=rng.normal(size=(CHANNELS, 200)).astype(np.float32), limit=np.float32(2.0),
        mean=rng.normal(size=(2, CHANNELS)).astype(np.float32), std=np.full((2, CHANNELS), 0.5, np.float32),
        start=np.array([0, 30, 100]), subject=np.array([0, 1, 1]),
    )  # fmt: skip
    taken = fin_decoder().take(data, jnp.array([2, 0]))
    expected = (data.samples[:, 100:160] - data.mean[1][:, None]) / 0.5
    np.testing.assert_allclose(taken[0], expected.clip(-2, 2), rtol=1e-6)
    louder = fin_decoder(gain_sd=0.3).take(data, jnp.array([2, 0]), keys=jax.random.split(jax.random.key(1), 2))
    gain = np.asarray(louder / taken)
    np.testing.assert_allclose(gain, np.broadcast_to(gain[:, :1, :1], gain.shape), rtol=1e-5)
    assert abs(gain[0, 0, 0] - 1) > 0.01 and gain[0, 0, 0] != gain[1, 0, 0]


def test_the_read_out_is_added_in_prediction(params_and_stats):
    params, stats = params_and_stats
    rng = np.random.default_rng(0)
    rows, labels = rng.normal(size=(80, CHANNELS * FEATURES)), np.repeat(np.arange(4), 20)
    read_out = fit_discriminant(rows + labels[:, None], labels, kind="rda", classes=4)
    decoder = fin_decoder(read_out_weight=0.25)
    both = decoder.predict({**params, "read_out": read_out}, stats, WINDOWS)
    values = feature_values_of(decoder.before_cnn(params, WINDOWS))
    assert values.shape == (10, CHANNELS * FEATURES)
    alone = scipy.special.log_softmax(fin_decoder().predict(params, stats, WINDOWS), axis=1)
    posterior = scipy.special.log_softmax(scores(read_out, values), axis=1)
    # Log-probabilities of tens, from float32 scores: 1e-5 each.
    np.testing.assert_allclose(both, alone + 0.25 * posterior, rtol=1e-3, atol=1e-3)


def test_noise_has_the_requested_covariance():
    factor = np.array([[2.0, 0.0], [1.0, 0.5]], np.float32)
    keys = jax.random.split(jax.random.key(0), 20_000)
    noise = np.asarray(correlated_noise(keys, factor, channels=2))
    assert noise.shape == (20_000, 2, 1, 1)
    np.testing.assert_allclose(np.cov(noise.reshape(-1, 2).T), factor @ factor.T, atol=0.12)
