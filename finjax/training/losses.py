"""Losses, as sums over the examples of one device's share of a batch."""

import dataclasses
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn
from flax import struct

from finjax.data.gather import WindowData
from finjax.data.normalise import FeatureNormaliser
from finjax.devices.parallel import ABSENT
from finjax.features import get_feature
from finjax.models.decoders import DecoderNetwork
from finjax.models.patterns import mix, random_weights
from finjax.models.shadows import shadow
from finjax.training.batches import stand_in


def resolve(examples: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Returns example numbers `[b]`, with examples in place of their stand-ins, and which are real `[b]`."""
    real = examples >= 0
    return jnp.where(real, examples, stand_in(jnp.where(examples == ABSENT, stand_in(0), examples))), real


def fold_in_each(key: jax.Array, examples: jax.Array) -> jax.Array:
    """Returns a key for each example `[b]`, so that a draw does not depend on how a batch is divided."""
    return jax.vmap(jax.random.fold_in, in_axes=(None, 0))(key, examples)


def fold_in_one(keys: jax.Array, number: int) -> jax.Array:
    """Returns other keys `[b]`, for draws that are independent of those with `keys`."""
    return jax.vmap(jax.random.fold_in, in_axes=(0, None))(keys, number)


@struct.dataclass
class FINData:
    """The data for the loss of a FIN, on the device.

    Attributes:
        windows: source of the inputs, n windows of C channels.
        target: `[n, C]` standardised feature that the FIN should output.
        feature: standardisation of the feature, for `RandomMixtures`.
    """

    windows: WindowData
    target: jax.Array
    feature: FeatureNormaliser | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class RandomMixtures:
    """Random virtual channels among the examples of a FIN, so that it imitates its feature on these too.

    Attributes:
        share: probability that an example is a mixture of all channels, in place of its own channel.
        feature: name of the feature.
        lead: samples from a window to the one that it predicts.
    """

    share: float
    feature: str
    lead: int

    def replace_some(
        self, windows: jax.Array, target: jax.Array, data: FINData, examples: jax.Array, keys: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        """Returns windows `[b, T]` and targets `[b]` with some of them replaced; other arguments as in `FINLoss`."""
        assert data.feature is not None
        channels = data.windows.samples.shape[0]
        chosen = jax.vmap(lambda key: jax.random.bernoulli(key, self.share))(keys)
        weights = jax.vmap(lambda key: random_weights(key, channels=channels))(fold_in_one(keys, 1))

        def mixed(lead: int) -> jax.Array:
            signals = data.windows.gather_all(examples // channels, length=windows.shape[1], lead=lead)
            return mix(weights[:, None], signals)[:, 0]

        seen = mixed(0)
        predicted = mixed(self.lead) if self.lead else seen
        values = data.feature.standardise(get_feature(self.feature).direct(predicted))
        return jnp.where(chosen[:, None], seen, windows), jnp.where(chosen, values, target)


@dataclasses.dataclass(frozen=True, kw_only=True)
class FINLoss:
    """A FIN's loss: squared error against the shadowed feature, averaged over the shadows.

    Attributes:
        network: the FIN.
        length: samples in a window.
        noise: noise of the shadows, relative to the value.
        mixtures: random virtual channels among the examples; None: none.
    """

    network: nn.Module
    length: int
    noise: float
    mixtures: RandomMixtures | None = None

    def __call__(self, params: Any, stats: Any, data: FINData, examples: jax.Array, key: jax.Array):
        """See `Loss`; an example is one channel of one window, or with `mixtures` a mixture of its channels."""
        examples, real = resolve(examples)
        keys = fold_in_each(key, examples)
        windows, values = data.windows.gather(examples, length=self.length), data.target.reshape(-1)[examples]
        if self.mixtures:
            windows, values = self.mixtures.replace_some(windows, values, data, examples, fold_in_one(keys, 1))
        target = shadow(values, keys, shadows=self.network.shadows, noise=self.noise)
        output = cast(jax.Array, self.network.apply({"params": params}, windows))
        error = jnp.mean(jnp.square(output - target), axis=-1)  # [b, S] → [b]
        return jnp.sum(jnp.where(real, error, 0.0)), (jnp.sum(real), stats)


@struct.dataclass
class DecoderData:
    """The data for the loss of a decoder, on the device.

    Attributes:
        inputs: source of the windows (see `DecoderNetwork.take`).
        movement: `[n]` class of each window.
        jitter: `[C × F, C × F]` factor of the covariance of the noise that is added to the features, or `None`; with
            virtual channels, V in place of C.
    """

    inputs: Any
    movement: jax.Array | np.ndarray
    jitter: jax.Array | np.ndarray | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class DecoderLoss:
    """Cross-entropy of a decoder.

    Attributes:
        decoder: the decoder.
        label_smoothing: share of the target that is spread over all movements.
    """

    decoder: DecoderNetwork
    label_smoothing: float

    def __call__(self, params: Any, stats: Any, data: DecoderData, examples: jax.Array, key: jax.Array):
        """See `Loss`; an example is a window with all its channels."""
        present = examples != ABSENT
        examples, real = resolve(examples)
        key_inputs, key_network, key_jitter = jax.random.split(key, 3)
        inputs = self.decoder.take(data.inputs, examples, keys=fold_in_each(key_inputs, examples))
        jitter = 0.0
        if data.jitter is not None:
            rows, *_ = self.decoder.cnn_input(channels=inputs.shape[1])  # channels, or virtual channels
            jitter = correlated_noise(fold_in_each(key_jitter, examples), data.jitter, channels=rows)
        keys = fold_in_each(key_network, examples)
        logits, stats = self.decoder.train(params, stats, inputs, keys=keys, present=present, jitter=jitter)
        target = optax.smooth_labels(
            jax.nn.one_hot(data.movement[examples], logits.shape[-1]), self.label_smoothing
        )  # [b, K]
        error = optax.softmax_cross_entropy(logits, target)
        return jnp.sum(jnp.where(real, error, 0.0)), (jnp.sum(real), stats)


def correlated_noise(keys: jax.Array, factor: jax.Array | np.ndarray, *, channels: int) -> jax.Array:
    """Returns Gaussian noise `[b, C, 1, F]` of covariance `factor factorᵀ`, drawn with the keys `[b]`."""
    draws = jax.vmap(lambda key: jax.random.normal(key, (len(factor),)))(keys)
    return (draws @ factor.T).reshape(len(keys), channels, 1, -1)


def noise_factor(features: np.ndarray, movement: np.ndarray, *, scale: float) -> np.ndarray:
    """Returns the factor `[D, D]` for `correlated_noise`, to draw noise that varies as features do within movements.

    Args:
        features: `[n, D]` standardised.
        movement: `[n]` class of each row.
        scale: scale of the noise, relative to the spread of the features about the mean of their movement.
    """
    residual = features.astype(np.float64)
    for label in np.unique(movement):
        rows = movement == label
        residual[rows] -= residual[rows].mean(axis=0)
    # The square root of the covariance, which exists even if features depend on each other.
    _, deviations, directions = np.linalg.svd(residual / np.sqrt(len(residual)), full_matrices=False)
    return (scale * (directions.T * deviations) @ directions).astype(np.float32)
