"""The imitated feature of many windows, gathered and predicted on the devices."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jax import lax

from finjax.data.gather import WindowData
from finjax.training import parallel
from finjax.training.step import in_tiles


class Predictor:
    """Predicts standardised features with one compiled program, whatever the parameters.

    Args:
        network: the FIN.
        length: samples in a window.
        batch_size: windows of one channel at a time; rounded up to a multiple of the devices.
    """

    def __init__(self, network: nn.Module, *, length: int, batch_size: int):
        devices = parallel.device_count()
        self._batch_size = -(-batch_size // devices) * devices
        tile = parallel.tile_size(self._batch_size // devices)

        def forward(params, data, examples):
            def of_tile(tile_examples):
                return network.apply({"params": params}, data.gather(tile_examples, length=length))[:, 0]

            tiles = in_tiles(examples, tile)
            return lax.map(of_tile, jnp.maximum(tiles, 0)).reshape(-1)[: len(examples)]

        self._forward = parallel.pmap(forward)

    def __call__(self, params: Any, data: WindowData) -> np.ndarray:
        """Returns the predictions `[n, C]` for all windows of `data`, a tree of host arrays."""
        shape = len(data.start), len(data.samples)
        examples = np.arange(np.prod(shape), dtype=np.int32)
        params, data = parallel.replicate(params), parallel.replicate(data)
        # Every batch has the same size, so that one program serves all; the last is filled up and cut off.
        filled = np.resize(examples, -(-len(examples) // self._batch_size) * self._batch_size)
        results = [
            self._forward(params, data, parallel.share(batch))
            for batch in np.split(filled, len(filled) // self._batch_size)
        ]
        return np.concatenate([np.asarray(r).reshape(-1) for r in results])[: len(examples)].reshape(shape)
