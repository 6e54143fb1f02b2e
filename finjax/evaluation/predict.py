"""The imitated feature of many windows, gathered and predicted on the devices."""

from typing import Any

import numpy as np
from flax import linen as nn

from finjax.data.gather import WindowData
from finjax.training import parallel


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

        def forward(params, data, examples):
            def of_tile(tile):
                return network.apply({"params": params}, data.gather(tile, length=length))[:, 0]

            return parallel.map_in_tiles(of_tile, examples)

        self._forward = parallel.pmap(forward)

    def __call__(self, params: Any, data: WindowData) -> np.ndarray:
        """Returns the predictions `[n, C]` for all windows of `data`, which lies replicated on the devices."""
        shape = data.start.shape[1], data.samples.shape[1]  # [devices, n], [devices, C, M]
        examples = np.arange(np.prod(shape), dtype=np.int32)
        params = parallel.replicate(params)
        # Every batch has the same size, so that one program serves all; the last is filled up and cut off.
        filled = np.resize(examples, -(-len(examples) // self._batch_size) * self._batch_size)
        results = [
            self._forward(params, data, parallel.share(batch))
            for batch in np.split(filled, len(filled) // self._batch_size)
        ]
        return np.concatenate([np.asarray(r).reshape(-1) for r in results])[: len(examples)].reshape(shape)
