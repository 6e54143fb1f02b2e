"""The CNN that recognises movements from features (paper, section II)."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from finjax.models.layers import Convolution, Dropout, NormAct
from finjax.models.settings import CNNSettings, RawCNNSettings

RAW_STRIDE = 2  # samples, of each convolution of `RawCNN`


class CNN(nn.Module):
    """Recognises movements from the features of all channels and their shadows.

    Three convolutions without padding over channels × shadows. The kernel of the last one covers the whole output of
    the second. With fewer channels than kernel rows, the first two kernels become smaller.

    Attributes:
        classes: movements K.
        filters: width of the first and the second convolution.
        kernel: largest number of rows and columns of their kernels.
        dropout: share of the activations that is dropped after the first convolution.
        logit_norm: whether BatchNorm and PReLU follow the last convolution, as in the paper.
        axis_name: mapped axis to average BatchNorm's statistics over; `None` outside of `pmap`.
    """

    classes: int
    filters: tuple[int, ...] = (64, 32)
    kernel: int = 5
    dropout: float = 0.3
    logit_norm: bool = True
    axis_name: str | None = None

    @nn.compact
    def __call__(
        self, features: jax.Array, *, keys: jax.Array | None = None, present: jax.Array | None = None
    ) -> jax.Array:
        """Maps standardised features `[B, C, S, F]` to logits `[B, K]`.

        Args:
            features: F features and S − 1 shadows of each, in C channels.
            keys: `[B]` random keys in training; without keys, BatchNorm uses the running statistics and nothing is
                dropped.
            present: `[B]`, see `BatchNorm`.
        """
        x = features
        for number, filters in enumerate(self.filters, start=1):
            x = _convolution(x, filters, limit=self.kernel, name=f"conv_{number}")
            x = NormAct(axis_name=self.axis_name, name=f"norm_{number}")(x, train=keys is not None, present=present)
            if number == 1:
                x = Dropout(self.dropout)(x, keys=keys)
        x = _convolution(x, self.classes, limit=max(x.shape[1:3]), name="conv_3")
        if self.logit_norm:
            x = NormAct(axis_name=self.axis_name, name="norm_3")(x, train=keys is not None, present=present)
        return x[:, 0, 0]  # [B, 1, 1, K] → [B, K]


def _convolution(x: jax.Array, filters: int, *, limit: int, name: str) -> jax.Array:
    """Convolves without padding, with a kernel of at most `limit` × `limit` that fits the input."""
    _, rows, columns, _ = x.shape
    return Convolution(filters, (min(limit, rows), min(limit, columns)), name=name)(x)


def build_cnn(settings: CNNSettings, *, classes: int, axis_name: str | None) -> CNN:
    """Builds the network that the settings describe."""
    return CNN(
        classes=classes,
        filters=tuple(settings.filters),
        kernel=settings.kernel,
        dropout=settings.dropout,
        logit_norm=settings.logit_norm,
        axis_name=axis_name,
    )


class RawCNN(nn.Module):
    """Recognises movements from the samples, end to end: the baseline without features.

    Convolutions over time with stride 2, without padding; each sees all channels. A dense layer maps the mean over time
    of the last activations to logits.

    Attributes:
        classes: movements K.
        filters: width of each convolution.
        kernel: samples that each one covers.
        dropout: share of the pooled activations that is dropped.
        axis_name: as in `CNN`.
    """

    classes: int
    filters: tuple[int, ...] = (32, 64, 64)
    kernel: int = 9
    dropout: float = 0.3
    axis_name: str | None = None

    @nn.compact
    def __call__(
        self, windows: jax.Array, *, keys: jax.Array | None = None, present: jax.Array | None = None
    ) -> jax.Array:
        """Maps z-scored windows `[B, C, T]` to logits `[B, K]`; `keys` and `present` as in `CNN`."""
        x = windows.swapaxes(1, 2)[:, :, None]  # [B, C, T] → [B, T, 1, C]
        for number, filters in enumerate(self.filters, start=1):
            x = Convolution(filters, (self.kernel, 1), strides=(RAW_STRIDE, 1), name=f"conv_{number}")(x)
            x = NormAct(axis_name=self.axis_name, name=f"norm_{number}")(x, train=keys is not None, present=present)
        x = Dropout(self.dropout)(jnp.mean(x, axis=(1, 2)), keys=keys)  # [B, T′, 1, N] → [B, N]
        return nn.Dense(self.classes, name="head")(x)


def build_raw_cnn(settings: RawCNNSettings, *, classes: int, axis_name: str | None) -> RawCNN:
    """Builds the network that the settings describe."""
    return RawCNN(
        classes=classes,
        filters=tuple(settings.filters),
        kernel=settings.kernel,
        dropout=settings.dropout,
        axis_name=axis_name,
    )
