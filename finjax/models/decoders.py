"""Decoders: from windows of all channels to logits of movements, as pure functions of parameters and statistics.

`FINDecoder` is the paper's whole system, `FeatureDecoder` its second stage on closed-form features, and `RawDecoder`
the end-to-end baseline. `VirtualFeatureDecoder` is the second stage on virtual channels, see `finjax.models.patterns`.
They contain no parameters, and can be compared and hashed.
"""

import dataclasses
from abc import ABC, abstractmethod
from typing import Any, cast

import jax
import jax.numpy as jnp
from flax import linen as nn

from finjax.data.gather import FeatureData, WindowData
from finjax.data.normalise import FeatureNormaliser
from finjax.devices.tiling import Tile
from finjax.models import discriminant
from finjax.models.initialisers import jitted_init
from finjax.models.patterns import features_of_virtual_channels, mix
from finjax.models.shadows import shadow
from finjax.models.stack import FINStack


@dataclasses.dataclass(frozen=True, kw_only=True)
class DecoderNetwork(ABC):
    """Base class of decoders, as training and evaluation use it; its `b` examples are windows of all channels.

    Attributes:
        cnn: the network that computes the logits; its parameters are `params["cnn"]`.
        read_out_weight: weight of a discriminant, `params["read_out"]`: in inference, its log-probabilities are added
            to the CNN's. 0: there is none.
        cnn_frozen: whether training uses the CNN as in inference: BatchNorm uses the running statistics and does not
            change them, and nothing is dropped. The optimiser must keep the CNN's parameters.
    """

    cnn: nn.Module
    read_out_weight: float = 0.0
    cnn_frozen: bool = False

    @abstractmethod
    def cnn_input(self, *, channels: int) -> tuple[int, ...]:
        """Returns the shape of the CNN's input for one window."""

    def init_cnn(self, key: jax.Array, *, channels: int) -> tuple[Any, Any]:
        """Returns random parameters of the CNN and its initial statistics."""
        empty = jnp.zeros((1, *self.cnn_input(channels=channels)))
        variables = jitted_init(self.cnn)(key, empty)
        return variables["params"], variables["batch_stats"]

    @abstractmethod
    def take(self, data: Any, windows: jax.Array, *, keys: jax.Array | None = None) -> jax.Array:
        """Returns the inputs of windows `[b]` of `data`; with keys `[b]`, augmented as in training."""

    def before_cnn(self, params: Any, inputs: jax.Array) -> jax.Array:
        """Maps the inputs to the CNN's input."""
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
        """Returns the CNN's logits `[b, K]` in training, and the new statistics.

        Args:
            params: parameters.
            stats: running statistics of BatchNorm.
            inputs: the result of `take`.
            keys: `[b]`, for dropout.
            present: `[b]`, whether an example belongs to the batch; by default all do.
            jitter: added to the CNN's input.
        """
        variables = {"params": params["cnn"], "batch_stats": stats}
        cnn_input = self._cnn_input(params, inputs) + jitter
        if self.cnn_frozen:
            return cast(jax.Array, self.cnn.apply(variables, cnn_input)), stats
        logits, changed = self.cnn.apply(variables, cnn_input, keys=keys, present=present, mutable="batch_stats")
        return logits, changed["batch_stats"]

    def predict(self, params: Any, stats: Any, inputs: jax.Array) -> jax.Array:
        """Returns logits `[b, K]`."""
        cnn_input = self._cnn_input(params, inputs)
        logits = cast(jax.Array, self.cnn.apply({"params": params["cnn"], "batch_stats": stats}, cnn_input))
        if not self.read_out_weight:
            return logits
        read_out = discriminant.scores(params["read_out"], feature_values_of(cnn_input))
        return jax.nn.log_softmax(logits) + self.read_out_weight * jax.nn.log_softmax(read_out)

    def _cnn_input(self, params: Any, inputs: jax.Array) -> jax.Array:
        """Returns the CNN's input, shifted where the decoder is aligned with a person: `finjax.training.alignment`."""
        values = self.before_cnn(params, inputs)
        return values + params["alignment"]["shift"][None, :, None] if "alignment" in params else values  # [C, F]


def feature_values_of(features: jax.Array) -> jax.Array:
    """Returns the features without shadows as rows: `[b, C, S, F]` → `[b, C × F]`."""
    return features[:, :, 0].reshape(features.shape[0], -1)


@dataclasses.dataclass(frozen=True, kw_only=True)
class FeatureDecoder(DecoderNetwork):
    """A CNN on closed-form features.

    Attributes:
        shadows: S, the feature and its copies.
        noise: standard deviation of the copies' noise in training, relative to the value; 0 in inference.
        features: number of features F.
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
    """A decoder of the samples.

    Attributes:
        length: samples T in a window.
        gain_sd: in training, each window is multiplied by `exp(N(0, gain_sd²))`, the same for all channels.
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
    """FINs for every feature and channel, and a CNN on their features (paper, section II).

    A few FINs run at a time, on a few windows at a time. The CNN gets the whole batch. With weights of virtual
    channels, `params["patterns"]` `[V, C]`, the FINs run on these in place of the channels.

    Attributes:
        fins: the stack of FINs; their parameters are `params["fins"]`, with leading axes `[F, C]`, or `[F, V]`.
        tile: how many FINs and windows to process at a time; `None`: all.
        recompute: see `FINStack.imitate`.
    """

    fins: FINStack
    tile: Tile | None
    recompute: bool = True

    def cnn_input(self, *, channels: int) -> tuple[int, ...]:
        """See `DecoderNetwork`."""
        del channels  # of the electrodes; the stack's may be virtual
        return self.fins.channels, self.fins.fin.shadows, self.fins.features

    def init_fins(self, key: jax.Array) -> Any:
        """Returns random parameters of the FINs."""
        return self.fins.init(key, length=self.length)

    def before_cnn(self, params: Any, inputs: jax.Array) -> jax.Array:
        """Maps windows `[b, C, T]` to features and shadows `[b, C, S, F]`, or `[b, V, S, F]`."""
        # The LSTM's gradient does not accept NumPy arrays that a jitted function closes over.
        fins, windows = jax.tree.map(jnp.asarray, params["fins"]), jnp.asarray(inputs)
        if "patterns" in params:
            windows = mix(jnp.asarray(params["patterns"]), windows)
        return self.fins.imitate(fins, windows, tile=self.tile, recompute=self.recompute)


@dataclasses.dataclass(frozen=True, kw_only=True)
class VirtualFeatureDecoder(_WindowDecoder):
    """A CNN on closed-form features of virtual channels, whose weights `params["patterns"]` `[V, C]` can be trained.

    `params["standardisation"]` holds the mean and deviation `[F]` of the features.

    Attributes:
        features: names of the features.
        channels: virtual channels V.
        shadows: S, the feature and its copies, which are exact here.
    """

    features: tuple[str, ...]
    channels: int
    shadows: int

    def cnn_input(self, *, channels: int) -> tuple[int, ...]:
        """See `DecoderNetwork`."""
        del channels  # of the electrodes
        return self.channels, self.shadows, len(self.features)

    def before_cnn(self, params: Any, inputs: jax.Array) -> jax.Array:
        """Maps windows `[b, C, T]` to standardised features and their copies `[b, V, S, F]`."""
        values = features_of_virtual_channels(self.features, inputs, params["patterns"])
        own = {name: numbers[None, None] for name, numbers in params["standardisation"].items()}  # [F] → [1, 1, F]
        return jnp.repeat(FeatureNormaliser(**own).standardise(values)[:, :, None], self.shadows, axis=2)


@dataclasses.dataclass(frozen=True, kw_only=True)
class RawDecoder(_WindowDecoder):
    """A CNN on the samples."""

    def cnn_input(self, *, channels: int) -> tuple[int, ...]:
        """See `DecoderNetwork`."""
        return channels, self.length
