"""Shadows, and the loss of a FIN."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from finjax.data.gather import WindowData
from finjax.devices.parallel import ABSENT
from finjax.models.shadows import shadow
from finjax.training.batches import stand_in
from finjax.training.losses import FINData, FINLoss

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
