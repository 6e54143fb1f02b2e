"""A separate FIN for every feature and channel; a few of them run at the same time."""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any, cast

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
        fin: the network of each FIN.
        features: features F.
        channels: channels C.
    """

    fin: FIN
    features: int
    channels: int

    def init(self, key: jax.Array, *, length: int) -> Any:
        """Returns random parameters `[F, C, …]` for windows of `length` samples."""
        init, window = jitted_init(self.fin), jnp.zeros((1, length))
        # One by one: a program that draws the weights of all FINs takes seven seconds to compile.
        fins = [init(key, window)["params"] for key in jax.random.split(key, self.features * self.channels)]
        return jax.tree.map(lambda *leaves: jnp.stack(leaves).reshape(self.features, -1, *leaves[0].shape), *fins)

    def imitate(
        self, params: Any, windows: jax.Array, *, tile: Tile | None = None, recompute: bool = True
    ) -> jax.Array:
        """Maps z-scored windows `[B, C, T]` to standardised features and shadows `[B, C, S, F]`.

        Args:
            params: parameters of all FINs.
            windows: windows of all channels.
            tile: how many FINs, a divisor of their number, and how many windows to process at a time; by default all.
            recompute: whether the backward pass computes the states of the first and last layer again, to save
                memory; the states of the middle layers, which cost most time, are kept.
        """
        group_size = tile.fins if tile else self.features * self.channels
        channels = np.tile(np.arange(self.channels), self.features).reshape(-1, group_size)

        def run_tile(params: Any, windows: jax.Array) -> jax.Array:
            shadows = cast(jax.Array, self.fin.apply({"params": params}, windows.swapaxes(0, 1)))  # [FINs, B, S]
            return shadows.swapaxes(0, 1)

        if recompute:
            run_tile = jax.checkpoint(run_tile, policy=jax.checkpoint_policies.save_only_these_names(STATES))

        def run_group(group: tuple[Any, jax.Array]) -> jax.Array:
            params, channels = group
            run_windows = functools.partial(run_tile, params)
            own = windows[:, channels]  # [B, FINs, T]
            return map_in_tiles(run_windows, own, tile=tile.windows) if tile else run_windows(own)

        groups = jax.tree.map(lambda leaf: leaf.reshape(-1, group_size, *leaf.shape[2:]), params)
        outputs = lax.map(run_group, (groups, channels)).swapaxes(1, 2)  # [groups, FINs, B, S]
        outputs = outputs.reshape(self.features, self.channels, *outputs.shape[2:])
        return outputs.transpose(2, 1, 3, 0)  # [F, C, B, S] → [B, C, S, F]


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainedFIN:
    """A FIN's parameters and the standardisation of its feature."""

    params: Any
    feature: FeatureNormaliser


def stack_fins(fins: Sequence[TrainedFIN], feature: FeatureNormaliser, *, channels: int) -> Any:
    """Returns parameters `[F, C, …]` of a `FINStack`: a copy of its feature's FIN for every channel.

    A FIN standardises its feature by its own mean and deviation. The weights of its head are changed so that the copies
    use the stack's mean and deviation.

    Args:
        fins: one for each feature.
        feature: standardisation `[F]` of the stack's features.
        channels: number of channels C.
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
