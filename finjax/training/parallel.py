"""Everything that knows of devices: data parallelism by `jax.pmap` over the local ones.

Train steps are pure functions of one device's share, with `AXIS` as the name to reduce over.
"""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

AXIS = "devices"
CPU_TILE = 16


def use_cpu_devices(count: int) -> None:
    """Splits the CPU into `count` devices; only before jax has looked at its devices."""
    jax.config.update("jax_num_cpu_devices", count)


def pmap(function: Callable, *, donate_argnums: tuple[int, ...] = ()) -> Callable:
    """Maps a function over the leading device axis of its arguments, compiled; `AXIS` names that axis."""
    return jax.pmap(function, axis_name=AXIS, donate_argnums=donate_argnums)


def tile_size(examples: int) -> int:
    """Returns how many of a device's `examples` an LSTM should work on at a time.

    On a CPU the states of all time steps should stay in the cache, which 16 windows of the paper's network
    do; elsewhere all at once is best.
    """
    return min(examples, CPU_TILE) if jax.default_backend() == "cpu" else examples


def device_count() -> int:
    """Number of local devices."""
    return jax.local_device_count()


def replicate(tree: Any) -> Any:
    """Puts a copy of every leaf on each device: `[...]` → `[devices, ...]`.

    On the CPU the copies share the memory of an aligned host array, which must not change afterwards.
    """
    devices = jax.local_devices()
    sharding = NamedSharding(Mesh(np.array(devices), (AXIS,)), PartitionSpec(AXIS))

    def copy(leaf):
        leaf = np.asarray(leaf)
        shares = [jax.device_put(leaf[None], device) for device in devices]
        return jax.make_array_from_single_device_arrays((len(devices), *leaf.shape), sharding, shares)

    return jax.tree.map(copy, tree)


def unreplicate(tree: Any) -> Any:
    """Returns the first device's copy of every leaf, as NumPy arrays of their own memory."""
    return jax.tree.map(lambda leaf: np.array(leaf[0]), tree)


def share(batch: np.ndarray, *, axis: int = 0) -> np.ndarray:
    """Splits `batch` evenly along `axis` into `[devices, ...]`; it must divide."""
    count = device_count()
    assert batch.shape[axis] % count == 0, (batch.shape, axis, count)
    return np.stack(np.split(batch, count, axis=axis))
