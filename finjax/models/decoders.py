"""Decoders: from windows of all channels to logits of movements, as pure functions of parameters and statistics.

`FINDecoder` is the paper's whole system, `FeatureDecoder` its second stage on closed-form features, and
`RawDecoder` the end-to-end baseline. They hold no parameters: they are values, to be compared and hashed.
"""

import dataclasses
from abc import ABC, abstractmethod
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from finjax.data.gather import FeatureData, WindowData
from finjax.devices.tiling import Tile
from finjax.models import discriminant
from finjax.models.initialisers import jitted_init
from finjax.models.shadows import shadow
from finjax.models.stack import FINStack


@dataclasses.dataclass(frozen=True, kw_only=True)
class DecoderNetwork(ABC):
    """What training and evaluation need of a decoder; its `b` examples are windows of all channels.

    Attributes:
        cnn: the network that gives the logits; its parameters are `params["cnn"]`.
        read_out_weight: weight of a discriminant beside the CNN, `params["read_out"]`: its log-probabilities are
            added to the CNN's when movements are recognised, not in training. 0: there is none.
        cnn_frozen: whether training uses the CNN as inference does: BatchNorm takes the running statistics and leaves
            them as they are, and nothing is dropped. Its parameters are the optimiser's to keep.
    """

    cnn: nn.Module
    read_out_weight: float = 0.0
    cnn_frozen: bool = False

    @abstractmethod
    def cnn_input(self, *, channels: int) -> tuple[int, ...]:
        """Returns the shape of what the CNN sees of one window."""

    def init_cnn(self, key: jax.Array, *, channels: int) -> tuple[Any, Any]:
        """Returns random parameters of the CNN and its fresh statistics."""
        empty = jnp.zeros((1, *self.cnn_input(channels=channels)))
        variables = jitted_init(self.cnn)(key, empty)
        return variables["params"], variables["batch_stats"]

    @abstractmethod
    def take(self, data: Any, windows: jax.Array, *, keys: jax.Array | None = None) -> jax.Array:
        """Returns the inputs of windows `[b]` of `data`; with keys `[b]`, varied as training does."""

    def before_cnn(self, params: Any, inputs: jax.Array) -> jax.Array:
        """Returns what the CNN sees of the inputs."""
        del params
        return inputs

    def train(
        self,
        params: Any,
        stats: Any,
        inputs: jax.Array,
        *,
        keys: jax.Array,
        present: jax.Array | None = None,
        jitter: jax.Array | float = 0.0,
    ) -> tuple[jax.Array, Any]:
        """Returns the CNN's logits `[b, K]` as in training, and the new statistics.

        Args:
            params: parameters.
            stats: running statistics of BatchNorm.
            inputs: what `take` gave.
            keys: `[b]`, for dropout.
            present: `[b]`, which of them belong to the batch; all by default.
            jitter: added to what the CNN sees.
        """
        variables = {"params": params["cnn"], "batch_stats": stats}
        seen = self.before_cnn(params, inputs) + jitter
        if self.cnn_frozen:
            return self.cnn.apply(variables, seen), stats
        logits, changed = self.cnn.apply(variables, seen, keys=keys, present=present, mutable="batch_stats")
        return logits, changed["batch_stats"]

    def predict(self, params: Any, stats: Any, inputs: jax.Array) -> jax.Array:
        """Returns logits `[b, K]`."""
        seen = self.before_cnn(params, inputs)
        logits = self.cnn.apply({"params": params["cnn"], "batch_stats": stats}, seen)
        if not self.read_out_weight:
            return logits
        read_out = discriminant.scores(params["read_out"], feature_values_of(seen))
        return jax.nn.log_softmax(logits) + self.read_out_weight * jax.nn.log_softmax(read_out)


def feature_values_of(features: jax.Array) -> jax.Array:
    """Returns the features themselves, without shadows, as rows: `[b, C, S, F]` → `[b, C × F]`."""
    return features[:, :, 0].reshape(features.shape[0], -1)


@dataclasses.dataclass(frozen=True, kw_only=True)
class FeatureDecoder(DecoderNetwork):
    """A CNN on closed-form features.

    Attributes:
        shadows: S, the feature and its copies.
        noise: of the copies, relative to the value; they are exact outside of training.
        features: how many, F.
    """

    shadows: int
    noise: float
    features: int

    def cnn_input(self, *, channels: int) -> tuple[int, ...]:
        """See `DecoderNetwork`."""
        return channels, self.shadows, self.features

    def take(self, data: FeatureData, windows: jax.Array, *, keys: jax.Array | None = None) -> jax.Array:
        """Returns standardised features with shadows `[b, C, S, F]`."""
        values = data.values[windows]  # [b, C, F]
        if keys is None:
            return jnp.repeat(values[:, :, None], self.shadows, axis=2)
        return shadow(values, keys, shadows=self.shadows, noise=self.noise).swapaxes(2, 3)  # [b, C, F, S] → …


@dataclasses.dataclass(frozen=True, kw_only=True)
class _WindowDecoder(DecoderNetwork):
    """A decoder that reads the samples.

    Attributes:
        length: samples T in a window.
        gain_sd: in training, each window is amplified by `exp(N(0, gain_sd²))`, all channels alike.
    """

    length: int
    gain_sd: float = 0.0

    def take(self, data: WindowData, windows: jax.Array, *, keys: jax.Array | None = None) -> jax.Array:
        """Returns z-scored windows `[b, C, T]`."""
        signal = data.gather_all(windows, length=self.length)
        if keys is None or not self.gain_sd:
            return signal
        draws = jax.vmap(lambda key: jax.random.normal(key, (1, 1), signal.dtype))(keys)
        return signal * jnp.exp(self.gain_sd * draws)


@dataclasses.dataclass(frozen=True, kw_only=True)
class FINDecoder(_WindowDecoder):
    """FINs for every feature and channel, and a CNN on what they give (paper, section II).

    The FINs run a few at a time, over a few windows at a time. The CNN sees the whole batch.

    Attributes:
        fins: the stack of FINs; their parameters are `params["fins"]`, with leading axes `[F, C]`.
        tile: how many FINs and windows; `None`: all of them at once.
        recompute: see `FINStack.imitate`.
    """

    fins: FINStack
    tile: Tile | None
    recompute: bool = True

    def cnn_input(self, *, channels: int) -> tuple[int, ...]:
        """See `DecoderNetwork`."""
        return channels, self.fins.fin.shadows, self.fins.features

    def init_fins(self, key: jax.Array) -> Any:
        """Returns random parameters of the FINs."""
        return self.fins.init(key, length=self.length)

    def before_cnn(self, params: Any, inputs: jax.Array) -> jax.Array:
        """Imitates: windows `[b, C, T]` → features and shadows `[b, C, S, F]`."""
        # NumPy arrays that a jitted function closes over are no constants that the LSTM's own gradient takes.
        fins = jax.tree.map(jnp.asarray, params["fins"])
        return self.fins.imitate(fins, jnp.asarray(inputs), tile=self.tile, recompute=self.recompute)


@dataclasses.dataclass(frozen=True, kw_only=True)
class RawDecoder(_WindowDecoder):
    """A CNN on the samples themselves."""

    def cnn_input(self, *, channels: int) -> tuple[int, ...]:
        """See `DecoderNetwork`."""
        return channels, self.length
