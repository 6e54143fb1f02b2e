"""The feature-imitating network (FIN): an LSTM that learns a closed-form feature (paper, section II)."""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp

from finjax.errors import ConfigError
from finjax.models import initialisers
from finjax.models.lstm import BidirectionalLSTM
from finjax.models.settings import FINNetworkSettings

INITIALISATIONS = ("chrono", "uniform")
PRECISIONS = ("float32", "bfloat16")


class FIN(nn.Module):
    """Imitates one feature of one channel's window.

    Three bidirectional LSTM layers, and a dense head on the final state of the last layer's backward direction. The
    forward direction of that layer is omitted, because nothing would use it.

    Attributes:
        hidden: LSTM width of each direction.
        layers: LSTM layers.
        shadows: outputs S: the feature's value and S − 1 shadows.
        patch_size: samples per time step; 1 is the paper's network, 10 trains about ten times faster.
        initialisation: `"chrono"` (long memory) or `"uniform"` (the paper's).
        precision: dtype of the LSTMs' matmul factors, `"float32"` or `"bfloat16"`; sums and states are float32.

    Example:
        >>> fin = FIN(hidden=8, patch_size=30)
        >>> windows = jnp.zeros((4, 600))  # [B, T], z-scored
        >>> params = jax.jit(fin.init)(jax.random.key(0), windows)
        >>> jax.jit(fin.apply)(params, windows).shape  # [B, S]: the feature and 11 shadows
        (4, 12)
    """

    hidden: int = 32
    layers: int = 3
    shadows: int = 12
    patch_size: int = 1
    initialisation: str = "chrono"
    precision: str = "float32"

    @nn.compact
    def __call__(self, windows: jax.Array) -> jax.Array:
        """Maps z-scored windows `[…, B, T]` to standardised features `[…, B, S]`.

        Leading axes are FINs with their own weights: the parameters then have these axes too.

        Raises:
            ConfigError: T is not a multiple of the patch size, or the initialisation or precision is unknown.
        """
        *models, batch, length = windows.shape
        if length % self.patch_size:
            raise ConfigError(f"a window of {length} samples does not divide into patches of {self.patch_size}")
        if self.initialisation not in INITIALISATIONS:
            raise ConfigError(f"unknown initialisation {self.initialisation!r}; known are {', '.join(INITIALISATIONS)}")
        if self.precision not in PRECISIONS:
            raise ConfigError(f"unknown precision {self.precision!r}; known are {', '.join(PRECISIONS)}")
        steps = length // self.patch_size
        plain = initialisers.uniform(self.hidden)
        bias_init = plain if self.initialisation == "uniform" else initialisers.chrono(self.hidden, steps)

        x = windows.reshape(*models, batch, steps, self.patch_size).swapaxes(-3, -2)  # […, B, T] → […, T/p, B, p]
        for layer in range(self.layers):
            x = BidirectionalLSTM(
                hidden=self.hidden,
                kernel_init=plain,
                bias_init=bias_init,
                last=layer == self.layers - 1,
                precision=self.precision,
                name=f"lstm_{layer}",
            )(x)
        return Head(self.shadows, plain, name="head")(x)  # […, B, H] → […, B, S]


class Head(nn.Module):
    """A dense layer, as `nn.Dense`, for each model of the leading axes.

    Attributes:
        outputs: number of outputs S.
        init: initialiser of kernel and bias.
    """

    outputs: int
    init: Callable[..., jax.Array]

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps `[…, B, H]` to `[…, B, S]`."""
        *models, _, width = x.shape
        kernel = self.param("kernel", self.init, (*models, width, self.outputs))
        bias = self.param("bias", self.init, (*models, self.outputs))
        return x @ kernel + jnp.expand_dims(bias, -2)


def build_fin(settings: FINNetworkSettings) -> FIN:
    """Builds the network that the settings describe."""
    return FIN(
        hidden=settings.hidden,
        layers=settings.layers,
        shadows=settings.shadows,
        patch_size=settings.patch_size,
        initialisation=settings.init,
        precision=settings.precision,
    )
