"""Shadows, and the loss of a FIN."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from finjax.data.gather import WindowData
from finjax.data.normalise import FeatureNormaliser
from finjax.devices.parallel import ABSENT
from finjax.models.shadows import shadow
from finjax.training.batches import stand_in
from finjax.training.losses import FINData, FINLoss, RandomMixtures

pytestmark = pytest.mark.numerics


def test_shadows_are_the_value_and_noisy_copies():
    values = jnp.linspace(-3, 3, 2000)
    keys = jax.random.split(jax.random.key(0), 2000)
    shadows = np.asarray(shadow(values, keys, shadows=12, noise=0.01))
    assert shadows.shape == (2000, 12)
    np.testing.assert_array_equal(shadows[:, 0], values)
    noise = shadows[:, 1:] / np.asarray(values)[:, None] - 1
    assert abs(noise.mean()) < 3e-4  # 22,000 draws: 4.5 standard errors
    np.testing.assert_allclose(noise.std(), 0.01, rtol=0.03)
    assert len(np.unique(noise)) > 20_000


class Constant(nn.Module):
    """Returns a parameter for every window."""

    shadows: int = 3

    @nn.compact
    def __call__(self, windows):
        value = self.param("value", nn.initializers.constant(0.5), ())
        return jnp.full((len(windows), self.shadows), 1.0) * value


def test_loss_is_the_sum_over_real_examples_of_the_mean_over_shadows():
    data = FINData(
        windows=WindowData(
            samples=jnp.zeros((2, 10)), mean=jnp.zeros((1, 2)), std=jnp.ones((1, 2)), limit=jnp.inf,
            start=jnp.array([0, 4]), subject=jnp.array([0, 0]),
        ),
        target=jnp.array([[1.0, 2.0], [3.0, 4.0]]),
    )  # fmt: skip
    loss = FINLoss(network=Constant(), length=4, noise=0.0)
    examples = jnp.array([3, stand_in(2), 0, ABSENT])  # targets 4 and 1; the others do not count
    total, (count, _) = loss({"value": jnp.float32(0.5)}, {}, data, examples, jax.random.key(0))
    np.testing.assert_allclose([total, count], [3.5**2 + 0.5**2, 2])


@pytest.mark.parametrize("lead", [0, 6])
def test_mixtures_are_combinations_of_all_channels_with_the_feature_of_the_combination(lead):
    rng = np.random.default_rng(0)
    samples = rng.normal(size=(3, 60)).astype(np.float32)
    windows = WindowData(
        samples=samples, mean=np.zeros((1, 3), np.float32), std=np.ones((1, 3), np.float32), limit=np.float32(np.inf),
        start=np.array([0, 20]), subject=np.array([0, 0]),
    )  # fmt: skip
    normaliser = FeatureNormaliser(mean=np.float32(0.5), std=np.float32(2.0))
    data = FINData(windows=windows, target=jnp.zeros((2, 3)), feature=normaliser)
    keys, examples = jax.random.split(jax.random.key(0), 6), jnp.arange(6)  # each channel of both windows
    own = windows.gather(examples, length=30)
    mixtures = RandomMixtures(share=1.0, feature="logstd", lead=lead)
    seen, target = mixtures.replace_some(own, jnp.zeros(6), data, examples, keys)
    for example in range(6):
        start = (0, 20)[example // 3]
        weights, *_ = np.linalg.lstsq(samples[:, start : start + 30].T, seen[example], rcond=None)
        assert np.count_nonzero(np.abs(weights) > 1e-3) > 1
        np.testing.assert_allclose(weights @ samples[:, start : start + 30], seen[example], atol=1e-4)
        predicted = weights @ samples[:, start + lead : start + lead + 30]
        np.testing.assert_allclose(target[example], (np.log(predicted.std()) - 0.5) / 2.0, atol=1e-4)
    assert len(np.unique(np.round(np.asarray(target), 5))) == 6  # a draw for each example


def test_the_share_of_mixtures_is_as_asked():
    windows = WindowData.of_windows(np.random.default_rng(0).normal(size=(1000, 2, 8)).astype(np.float32))
    data = FINData(
        windows=windows, target=jnp.zeros((1000, 2)), feature=FeatureNormaliser(mean=np.float32(0), std=np.float32(1))
    )
    examples, keys = jnp.arange(2000), jax.random.split(jax.random.key(1), 2000)
    own = windows.gather(examples, length=8)
    seen, _ = RandomMixtures(share=0.25, feature="rms", lead=0).replace_some(own, jnp.zeros(2000), data, examples, keys)
    replaced = np.mean(np.any(np.asarray(seen != own), axis=1))
    assert abs(replaced - 0.25) < 4 * np.sqrt(0.25 * 0.75 / 2000)
