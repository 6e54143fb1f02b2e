"""A FIN of its own for every feature and channel, all advancing in one scan over time."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import flax.linen as nn
import jax
import numpy as np

from finjax.data.normalise import FeatureNormaliser
from finjax.models.fin import FIN

SETTINGS = ("hidden", "layers", "shadows", "patch_size", "initialisation", "precision")  # of `FIN`


def _over_models(module: type[nn.Module], *, inputs: int | None, models: int) -> type[nn.Module]:
    """Returns the module with a leading axis of models in parameters and outputs; `inputs` is their axis there."""
    return nn.vmap(
        module,
        in_axes=inputs,
        out_axes=0,
        variable_axes={"params": 0},
        split_rngs={"params": True},
        axis_size=models,
    )


class FINStack(nn.Module):
    """Features × channels FINs; the parameters are those of `FIN` with leading axes `[F, C, …]`.

    Attributes:
        fin: the network that each of them is.
        features: features F.
        channels: channels C.
    """

    fin: FIN
    features: int
    channels: int

    @nn.compact
    def __call__(self, windows: jax.Array) -> jax.Array:
        """Maps z-scored windows `[B, C, T]` to standardised features and shadows `[B, C, S, F]`."""
        by_channel = _over_models(FIN, inputs=0, models=self.channels)
        stack = _over_models(by_channel, inputs=None, models=self.features)
        settings = {name: getattr(self.fin, name) for name in SETTINGS}
        outputs = stack(**settings, name="fins")(windows.swapaxes(0, 1))  # [B, C, T] → [F, C, B, S]
        return outputs.transpose(2, 1, 3, 0)  # → [B, C, S, F]


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainedFIN:
    """A FIN's parameters, and the standardisation of what it gives; a restored `FINModel` has them too."""

    params: Any
    feature: FeatureNormaliser


def stack_fins(fins: Sequence[TrainedFIN], feature: FeatureNormaliser, *, channels: int) -> Any:
    """Returns parameters `[F, C, …]` of a `FINStack`: a copy of its feature's FIN for every channel.

    A FIN gives its feature standardised by its own mean and deviation. Where the stack is to give others, the
    difference goes into the weights of the FIN's head.

    Args:
        fins: one for each feature.
        feature: standardisation `[F]` of what the stack is to give.
        channels: C.
    """
    copies = []
    for row, fin in enumerate(fins):
        own, head = fin.feature, fin.params["head"]
        scale = own.std / feature.std[row]
        shift = (own.mean - feature.mean[row]) / feature.std[row]
        head = {"kernel": head["kernel"] * scale, "bias": head["bias"] * scale + shift}
        params = {**fin.params, "head": head}
        copies.append(jax.tree.map(lambda leaf: np.broadcast_to(leaf, (channels, *leaf.shape)), params))
    return jax.tree.map(lambda *leaves: np.stack(leaves).astype(np.float32), *copies)
