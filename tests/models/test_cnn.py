"""The CNNs: shapes for any number of channels, parameter counts, and their layers against independent forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from rounding import assert_close

from finjax.models.cnn import CNN, RawCNN
from finjax.models.layers import Convolution, Dropout, NormAct

pytestmark = pytest.mark.numerics


def count(tree) -> int:
    return sum(leaf.size for leaf in jax.tree.leaves(tree))


def test_parameters_of_the_papers_network():
    variables = CNN(classes=17).init(jax.random.key(0), jnp.zeros((1, 12, 12, 4)))
    weights = (5 * 5 * 4 * 64 + 64) + (5 * 5 * 64 * 32 + 32) + (4 * 4 * 32 * 17 + 17)
    norms = 2 * (64 + 32 + 17) + 3  # scale and shift of each filter, and a slope for each layer
    assert count(variables["params"]) == weights + norms
    assert variables["params"]["conv_3"]["kernel"].shape == (4, 4, 32, 17)
    assert variables["params"]["norm_1"]["prelu"]["negative_slope"] == 0.25


@pytest.mark.parametrize(
    ("channels", "kernels"),
    [
        (16, [(5, 5), (5, 5), (8, 4)]),
        (10, [(5, 5), (5, 5), (2, 4)]),
        (6, [(5, 5), (2, 5), (1, 4)]),  # the second shrinks to what is left
        (2, [(2, 5), (1, 5), (1, 4)]),
        (1, [(1, 5), (1, 5), (1, 4)]),
    ],
)
def test_kernels_fit_the_channels(channels, kernels):
    network = CNN(classes=11)
    features = jnp.ones((3, channels, 12, 2))
    variables = network.init(jax.random.key(0), features)
    assert [variables["params"][f"conv_{n}"]["kernel"].shape[:2] for n in (1, 2, 3)] == kernels
    assert network.apply(variables, features).shape == (3, 11)


@pytest.mark.parametrize("strides", [(1, 1), (2, 1)])
def test_the_convolution_equals_that_of_xla(strides):
    layer = Convolution(6, (3, 2), strides=strides)
    x = jax.random.normal(jax.random.key(0), (4, 9, 7, 5))
    params = layer.init(jax.random.key(1), x)["params"]
    expected = lax.conv_general_dilated(
        x, params["kernel"], strides, "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    expected = np.asarray(expected) + np.asarray(params["bias"])
    assert_close(layer.apply({"params": params}, x), expected, terms=3 * 2 * 5)


def test_running_statistics_move_by_a_tenth_and_are_used_in_inference():
    layer = NormAct()
    x = np.random.default_rng(0).normal(3.0, 2.0, size=(64, 5, 4)).astype(np.float32)
    variables = layer.init(jax.random.key(0), x, train=False)
    y, changed = layer.apply(variables, x, train=True, mutable="batch_stats")
    z = (x - x.mean(axis=(0, 1))) / np.sqrt(x.var(axis=(0, 1)) + 1e-5)
    assert_close(y, np.where(z > 0, z, 0.25 * z), terms=64 * 5)
    assert_close(changed["batch_stats"]["batch"]["mean"], 0.1 * x.mean(axis=(0, 1)), terms=64 * 5)
    still = layer.apply({**variables, **changed}, x, train=False)
    moved = jax.tree.map(np.asarray, changed["batch_stats"]["batch"])
    z = (x - moved["mean"]) / np.sqrt(moved["var"] + 1e-5)
    assert_close(still, np.where(z > 0, z, 0.25 * z), terms=64)


def test_batchnorm_ignores_the_padding_of_a_batch():
    layer = NormAct()
    x = np.random.default_rng(0).normal(3.0, 2.0, size=(7, 5, 4)).astype(np.float32)
    variables = layer.init(jax.random.key(0), x, train=False)
    filled = np.concatenate([x, np.full((3, 5, 4), 50.0, np.float32)])
    present = np.arange(10) < 7
    y, stats = layer.apply(variables, x, train=True, mutable="batch_stats")
    y_filled, stats_filled = layer.apply(variables, filled, train=True, present=present, mutable="batch_stats")
    assert_close(y_filled[:7], y, terms=10 * 5)
    for a, b in zip(jax.tree.leaves(stats), jax.tree.leaves(stats_filled), strict=True):
        assert_close(a, b, terms=10 * 5)


def test_dropout_depends_on_the_key_of_the_example_alone():
    keys = jax.random.split(jax.random.key(0), 100)
    x = jnp.ones((100, 50))
    dropped = Dropout(0.3).apply({}, x, keys=keys)
    assert set(np.unique(dropped).round(5)) == {0.0, np.float32(1 / 0.7).round(5)}
    assert abs(np.mean(dropped == 0) - 0.3) < 0.03  # 5000 draws: 4.6 standard errors
    np.testing.assert_array_equal(Dropout(0.3).apply({}, x[40:60], keys=keys[40:60]), dropped[40:60])
    np.testing.assert_array_equal(Dropout(0.3).apply({}, x, keys=None), x)


def test_the_raw_network_reads_windows():
    network = RawCNN(classes=5)
    windows = jax.random.normal(jax.random.key(0), (3, 10, 300))
    variables = network.init(jax.random.key(1), windows)
    assert network.apply(variables, windows).shape == (3, 5)
    assert variables["params"]["conv_1"]["kernel"].shape == (9, 1, 10, 32)
