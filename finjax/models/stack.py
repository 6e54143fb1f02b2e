"""A FIN of its own for every feature and channel, a few of them advancing together."""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from finjax.data.normalise import FeatureNormaliser
from finjax.devices.tiling import Tile, map_in_tiles
from finjax.models.fin import FIN
from finjax.models.initialisers import jitted_init
from finjax.models.lstm import STATES


@dataclasses.dataclass(frozen=True, kw_only=True)
class FINStack:
    """Features × channels FINs; the parameters are those of `FIN` with leading axes `[F, C, …]`.

    Attributes:
        fin: the network that each of them is.
        features: features F.
        channels: channels C.
    """

    fin: FIN
    features: int
    channels: int

    def init(self, key: jax.Array, *, length: int) -> Any:
        """Returns random parameters, for windows of `length` samples."""
        init, window = jitted_init(self.fin), jnp.zeros((1, length))
        # One after another: a program that draws all their weights takes seven seconds to compile.
        fins = [init(key, window)["params"] for key in jax.random.split(key, self.features * self.channels)]
        return jax.tree.map(lambda *leaves: jnp.stack(leaves).reshape(self.features, -1, *leaves[0].shape), *fins)

    def imitate(
        self, params: Any, windows: jax.Array, *, tile: Tile | None = None, recompute: bool = True
    ) -> jax.Array:
        """Maps z-scored windows `[B, C, T]` to standardised features and shadows `[B, C, S, F]`.

        Args:
            params: of all FINs.
            windows: of all channels.
            tile: how many FINs to run at a time, a divisor of their number, and on how many windows; all by default.
            recompute: whether the backward pass runs them again, but for the layers between others, which cost most,
                rather than keep the states of all.
        """
        together = tile.fins if tile else self.features * self.channels
        channels = np.tile(np.arange(self.channels), self.features).reshape(-1, together)

        def of_tile(params, windows):
            return self.fin.apply({"params": params}, windows.swapaxes(0, 1)).swapaxes(0, 1)  # [B, FINs, S]

        if recompute:
            of_tile = jax.checkpoint(of_tile, policy=jax.checkpoint_policies.save_only_these_names(STATES))

        def of_group(group):
            params, channels = group
            of_windows = functools.partial(of_tile, params)
            own = windows[:, channels]  # [B, FINs, T]
            return map_in_tiles(of_windows, own, tile=tile.windows) if tile else of_windows(own)

        groups = jax.tree.map(lambda leaf: leaf.reshape(-1, together, *leaf.shape[2:]), params)
        outputs = lax.map(of_group, (groups, channels)).swapaxes(1, 2)  # [groups, FINs, B, S]
        outputs = outputs.reshape(self.features, self.channels, *outputs.shape[2:])
        return outputs.transpose(2, 1, 3, 0)  # [F, C, B, S] → [B, C, S, F]


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
        channels: how many, C.
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
