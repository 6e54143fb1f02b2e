"""Outputs of a network for many windows; the devices gather the windows and compute the outputs."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, cast

import jax
import numpy as np
from flax import linen as nn

from finjax.data.gather import WindowData
from finjax.devices import parallel
from finjax.devices.tiling import map_in_tiles
from finjax.models.decoders import DecoderNetwork, feature_values_of
from finjax.models.patterns import features_of_virtual_channels


@functools.lru_cache(maxsize=8)
def _imitate(network: nn.Module, *, length: int) -> Callable:
    def forward(params: Any, data: WindowData, examples: jax.Array) -> jax.Array:
        def of_tile(tile: jax.Array) -> jax.Array:
            return cast(jax.Array, network.apply({"params": params}, data.gather(tile, length=length)))[:, 0]

        return map_in_tiles(of_tile, examples, tile=parallel.tile_size(len(examples)))

    return parallel.pmap(forward)


@functools.lru_cache(maxsize=8)
def _decode(decoder: DecoderNetwork) -> Callable:
    def forward(params: Any, stats: Any, data: Any, windows: jax.Array) -> jax.Array:
        return decoder.predict(params, stats, decoder.take(data, windows))

    return parallel.pmap(forward)


def imitated_features(
    network: nn.Module, params: Any, data: WindowData, *, windows: int, length: int, batch_size: int
) -> np.ndarray:
    """Returns the standardised feature `[n, C]` that a FIN gives for the first n windows.

    Args:
        network: the FIN.
        params: its parameters, on the host.
        data: source of the windows, replicated on the devices.
        windows: n.
        length: samples in a window.
        batch_size: windows of one channel at a time; rounded up to a multiple of the devices.
    """
    channels = data.samples.shape[1]  # [devices, C, M]
    forward = functools.partial(_imitate(network, length=length), parallel.replicate(params), data)
    return _in_batches(forward, windows * channels, batch_size=batch_size).reshape(windows, channels)


def decoded_logits(
    decoder: DecoderNetwork, params: Any, stats: Any, data: Any, *, windows: int, batch_size: int
) -> np.ndarray:
    """Returns the logits `[n, K]` that a decoder gives for the first n windows.

    Args:
        decoder: the decoder.
        params: its parameters, on the host.
        stats: its running statistics, on the host.
        data: source of the windows, replicated on the devices.
        windows: n.
        batch_size: windows at a time; rounded up to a multiple of the devices.
    """
    forward = functools.partial(_decode(decoder), parallel.replicate(params), parallel.replicate(stats), data)
    return _in_batches(forward, windows, batch_size=batch_size)


@functools.lru_cache(maxsize=8)
def _features(decoder: DecoderNetwork) -> Callable:
    def forward(params: Any, data: Any, windows: jax.Array) -> jax.Array:
        return feature_values_of(decoder.before_cnn(params, decoder.take(data, windows)))

    return parallel.pmap(forward)


def decoder_features(decoder: DecoderNetwork, params: Any, data: Any, *, windows: int, batch_size: int) -> np.ndarray:
    """Returns the features that a decoder's CNN gets for the first n windows, `[n, C × F]`; see `decoded_logits`.

    With virtual channels they are `[n, V × F]`.
    """
    return _in_batches(
        functools.partial(_features(decoder), parallel.replicate(params), data), windows, batch_size=batch_size
    )


@functools.lru_cache(maxsize=8)
def _virtual_features(features: tuple[str, ...], *, length: int) -> Callable:
    def forward(patterns: jax.Array, data: WindowData, windows: jax.Array) -> jax.Array:
        return features_of_virtual_channels(features, data.gather_all(windows, length=length), patterns)

    return parallel.pmap(forward)


def virtual_features(
    features: Sequence[str],
    patterns: np.ndarray,
    data: WindowData,
    *,
    windows: int,
    length: int,
    batch_size: int,
) -> np.ndarray:
    """Returns closed-form features of virtual channels `[n, V, F]` for the first n windows.

    Args:
        features: names of the features.
        patterns: `[V, C]` weights of the virtual channels.
        data: source of the windows, replicated on the devices.
        windows: n.
        length: samples in a window.
        batch_size: windows at a time; rounded up to a multiple of the devices.
    """
    compute = _virtual_features(tuple(features), length=length)
    return _in_batches(functools.partial(compute, parallel.replicate(patterns), data), windows, batch_size=batch_size)


def virtual_features_of(
    windows: np.ndarray, features: Sequence[str], patterns: np.ndarray, *, batch_size: int
) -> np.ndarray:
    """Returns the same for z-scored windows in memory, `[n, C, T]`."""
    count, _, length = windows.shape
    data = parallel.replicate(WindowData.of_windows(windows))
    return virtual_features(features, patterns, data, windows=count, length=length, batch_size=batch_size)


def _in_batches(forward: Callable, count: int, *, batch_size: int) -> np.ndarray:
    """Returns `forward` of the numbers 0 to `count` − 1, computed in batches, `[count, …]`."""
    devices = parallel.device_count()
    batch_size = -(-batch_size // devices) * devices
    # Every batch has the same size, so that all share one program; extra results of the last are removed.
    filled = np.resize(np.arange(count, dtype=np.int32), -(-count // batch_size) * batch_size)
    results = [forward(parallel.share(batch)) for batch in np.split(filled, len(filled) // batch_size)]
    return parallel.join(np.stack([np.asarray(result) for result in results]))[:count]
