"""Small layers that several networks share."""

from typing import cast

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

from finjax.devices.reduce import total_over
from finjax.models.initialisers import uniform

# PyTorch's defaults; its momentum of 0.1 is the share of the new value.
BATCHNORM_MOMENTUM = 0.9
BATCHNORM_EPSILON = 1e-5
PRELU_SLOPE = 0.25


class Convolution(nn.Module):
    """A convolution without padding, as one matmul of its patches; it has the parameters of `nn.Conv`.

    XLA's convolution takes six times as long on a CPU inside a loop, as in a train step.

    Attributes:
        filters: outputs N.
        kernel: rows and columns.
        strides: of rows and columns.
    """

    filters: int
    kernel: tuple[int, int]
    strides: tuple[int, int] = (1, 1)

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps `[B, H, W, D]` to `[B, H′, W′, N]`."""
        inputs = self.kernel[0] * self.kernel[1] * x.shape[-1]
        init = uniform(inputs)  # as in PyTorch: ±1/√(inputs of a filter)
        kernel = self.param("kernel", init, (*self.kernel, x.shape[-1], self.filters))
        bias = self.param("bias", init, (self.filters,))
        rows, columns = (
            (size - kernel) // stride + 1
            for size, kernel, stride in zip(x.shape[1:3], self.kernel, self.strides, strict=True)
        )
        if self.kernel == x.shape[1:3]:
            return x.reshape(-1, 1, 1, inputs) @ kernel.reshape(inputs, self.filters) + bias[None, None, None]
        patches = [
            x[:, row : row + rows * self.strides[0] : self.strides[0]][
                :, :, column : column + columns * self.strides[1] : self.strides[1]
            ]
            for row in range(self.kernel[0])
            for column in range(self.kernel[1])
        ]
        stacked = jnp.concatenate(patches, axis=-1)  # [B, H′, W′, kernel × D]
        return stacked @ kernel.reshape(inputs, self.filters) + bias[None, None, None]


class BatchNorm(nn.Module):
    """`nn.BatchNorm` over all but the last axis; the devices sum its statistics in a fixed order.

    Attributes:
        axis_name: mapped axis whose devices share one batch; `None` outside of `pmap`.
    """

    axis_name: str | None = None

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool, present: jax.Array | None = None) -> jax.Array:
        """Maps `[B, …, N]` to the same shape, with the statistics of the batch in training, else the running ones.

        Args:
            x: inputs.
            train: whether to use the statistics of the batch.
            present: `[B]`, whether an example counts in the statistics; by default all do. The rest is padding.
        """
        shape, over = x.shape[-1:], tuple(range(x.ndim - 1))
        running_mean = self.variable("batch_stats", "mean", jnp.zeros, shape)
        running_var = self.variable("batch_stats", "var", jnp.ones, shape)
        scale = self.param("scale", nn.initializers.ones, shape)
        bias = self.param("bias", nn.initializers.zeros, shape)

        def total(values: jax.Array) -> jax.Array:
            if self.axis_name is None or self.is_initializing():
                return values
            return cast(jax.Array, total_over(values, self.axis_name))  # custom_vjp hides the type

        def spread(values: jax.Array) -> jax.Array:
            return jnp.expand_dims(values, over)

        mean, var = running_mean.value, running_var.value
        if train:
            counts = jnp.ones(len(x)) if present is None else present.astype(x.dtype)
            counts = counts.reshape(-1, *(1,) * (x.ndim - 1))
            count = total(counts.sum()) * (x[0].size // x.shape[-1])
            mean = total((counts * x).sum(over)) / count
            var = total((counts * jnp.square(x - spread(mean))).sum(over)) / count  # mean x² − mean² is less exact
        if train and not self.is_initializing():
            for running, new in ((running_mean, mean), (running_var, var)):
                running.value = BATCHNORM_MOMENTUM * running.value + (1 - BATCHNORM_MOMENTUM) * new
        return (x - spread(mean)) * (lax.rsqrt(spread(var) + BATCHNORM_EPSILON) * spread(scale)) + spread(bias)


class NormAct(nn.Module):
    """BatchNorm over all but the last axis, then PReLU with one trained slope.

    Attributes:
        axis_name: mapped axis whose devices share one batch; `None` outside of `pmap`.
    """

    axis_name: str | None = None

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool, present: jax.Array | None = None) -> jax.Array:
        """Maps `[B, …, N]` to the same shape; `train` and `present` as in `BatchNorm`."""
        x = BatchNorm(axis_name=self.axis_name, name="batch")(x, train=train, present=present)
        return nn.PReLU(negative_slope_init=PRELU_SLOPE, name="prelu")(x)


class Dropout(nn.Module):
    """Dropout with a random key per example, so that it does not depend on how a batch is divided.

    Attributes:
        rate: share of the values that is dropped.
    """

    rate: float

    @nn.compact
    def __call__(self, x: jax.Array, *, keys: jax.Array | None) -> jax.Array:
        """Drops values of `[B, …]` with the random keys `[B]`; without keys, drops none."""
        if keys is None or not self.rate:
            return x
        keep = jax.vmap(lambda key: jax.random.bernoulli(key, 1 - self.rate, x.shape[1:]))(keys)
        return jnp.where(keep, x / (1 - self.rate), 0.0)
