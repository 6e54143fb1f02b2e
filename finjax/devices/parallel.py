"""Data parallelism with `jax.pmap` over the devices of all processes.

A train step is a pure function of one device's share of a batch and reduces over `AXIS`. Each process gives its own
devices their shares and takes their results; only the reductions cross processes.
"""

import functools
import gc
import logging
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from finjax.devices.program_cache import ProgramCache
from finjax.devices.tiling import Tile
from finjax.errors import ConfigError
from finjax.system import processes

logger = logging.getLogger(__name__)

AXIS = "devices"
# Index of a missing example, where a device has fewer than the others. It has no effect, not even on BatchNorm.
ABSENT = np.iinfo(np.int32).min
# Windows that an LSTM processes at a time, or windows × LSTMs of a stack. On a CPU the data of a few steps should stay
# in the cache; on other devices all of them must fit into memory (1 MB each with the paper's network).
CPU_TILE, OTHER_TILE = 16, 4096

# XLA's options for an LSTM's small steps on a CPU: use AVX-512 vectors if the CPU has them, do not unroll loops (LLVM
# vectorises unrolled loops worse), and compute results from the same arrays in one kernel. XLA ignores unknown extra
# options.
CPU_COMPILER = {
    "--xla_cpu_prefer_vector_width": "512",
    "--xla_backend_extra_options": "xla_cpu_disable_loop_unrolling,xla_cpu_use_multi_output_fusion",
}

MANY_MAPS = 30_000
MIN_COMPILE_TIME_S = 0.1  # programs that compile faster are not stored


def use_cpu_devices(count: int, *, batch_size: int) -> None:
    """Splits the CPU into devices and tunes the compiler for them.

    If JAX has already initialised its devices, it keeps them, and finjax warns once.

    Args:
        count: devices per process, whatever `XLA_FLAGS` and `JAX_NUM_CPU_DEVICES` say. With 0 these variables decide;
            without them, one device per core that the process may use, but not more than examples.
        batch_size: examples in a batch.
    """
    in_use = _jax_is_in_use()
    if not in_use:
        tune_compiler()
    wanted = count
    if not count:
        if "host_platform_device_count" in os.environ.get("XLA_FLAGS", "") or _num_cpu_devices() > 0:
            return
        wanted = min(_cores(), -(-batch_size // processes.count()))
    if not in_use:
        jax.config.update("jax_num_cpu_devices", wanted)
    elif _on_cpu() and jax.local_device_count() != wanted:
        _warn_that_jax_is_in_use(jax.local_device_count())


def _num_cpu_devices() -> int:
    return jax.config.jax_num_cpu_devices  # pyright: ignore[reportAttributeAccessIssue]


def _jax_is_in_use() -> bool:
    """Returns whether JAX has initialised its devices; then it refuses another number of them."""
    now = _num_cpu_devices()
    try:
        jax.config.update("jax_num_cpu_devices", now + 1)
    except RuntimeError:
        return True
    jax.config.update("jax_num_cpu_devices", now)
    return False


@functools.cache  # one warning in a process
def _warn_that_jax_is_in_use(devices: int) -> None:
    logger.warning(
        "JAX is already in use in this process: finjax uses its %d CPU device%s. To use more cores, set "
        "JAX_NUM_CPU_DEVICES before JAX is first used, or run finjax in its own process.",
        devices, "s"[: devices > 1],
    )  # fmt: skip


def tune_compiler() -> None:
    """Sets `XLA_FLAGS` so that LSTMs run fast on a CPU; call it before JAX initialises its devices.

    Options that `XLA_FLAGS` already sets are kept.
    """
    flags = os.environ.get("XLA_FLAGS", "")
    missing = [f"{name}={value}" for name, value in CPU_COMPILER.items() if f"{name}=" not in flags]
    os.environ["XLA_FLAGS"] = " ".join([flags, *missing]).strip()


def _cores() -> int:
    """Returns the number of cores for each process: the smallest share of all processes, which share their machines."""
    own = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))
    everyone = processes.gather_texts(f"{socket.gethostname()} {' '.join(map(str, own))}")
    return min(max(1, len(cores.split()[1:]) // everyone.count(cores)) for cores in everyone)


def connect_devices() -> None:
    """Connects the devices of several processes; does nothing with one process.

    Raises:
        ConfigError: the processes have different numbers of devices; `jax.pmap` needs equal numbers.
    """
    if processes.count() == 1:
        return
    counts = processes.gather_texts(str(jax.local_device_count()))
    if len(set(counts)) > 1:
        raise ConfigError(f"the processes have {', '.join(counts)} devices: give each process the same number")
    # Connect now: Gloo waits only 30 s at the first use, and later one process may compile for longer than that.
    pmap(lambda x: jax.lax.psum(x, AXIS))(np.zeros(jax.local_device_count()))
    processes.stack(np.zeros(1))
    processes.from_first(lambda: None)


def keep_programs(folder: Path) -> None:
    """Stores compiled programs for later processes in a folder, or in the folder that JAX already uses."""
    if configured := jax.config.jax_compilation_cache_dir:  # pyright: ignore[reportAttributeAccessIssue]
        ProgramCache(Path(configured)).take_over()
        return
    ProgramCache(folder).take_over()
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", MIN_COMPILE_TIME_S)


def spare_memory_maps() -> None:
    """Frees compiled programs if they use many of the memory maps that Linux allows a process.

    On a CPU a program uses tens to hundreds of maps, and a process that needs more than `vm.max_map_count` (by default
    65,530) dies. Programs that are needed again are loaded from the folder of `keep_programs`.
    """
    maps = Path("/proc/self/maps")
    if maps.exists() and maps.read_bytes().count(b"\n") > MANY_MAPS:
        jax.clear_caches()
        gc.collect()


def pmap(function: Callable[..., Any], *, donate_argnums: tuple[int, ...] = ()) -> Callable[..., Any]:
    """Compiles a function and maps it over the leading axis of its arguments, the devices; `AXIS` names that axis."""
    return jax.pmap(function, axis_name=AXIS, donate_argnums=donate_argnums)


def tile_size(examples: int) -> int:
    """Returns how many of a device's `examples` an LSTM processes at a time."""
    return min(examples, CPU_TILE if _on_cpu() else OTHER_TILE)


def stack_tile(examples: int, *, fins: int) -> Tile:
    """Returns how many FINs of a stack, and how many of a device's `examples`, to process at a time.

    On a CPU few FINs with many windows each, so that their weights stay in the cache; on other devices all FINs.
    """
    if not _on_cpu():
        return Tile(fins, min(examples, max(1, OTHER_TILE // fins)))
    windows = -(-examples // -(-examples // CPU_TILE))  # in tiles of about the same size
    most_fins = max(1, CPU_TILE // windows)
    return Tile(max(n for n in range(1, most_fins + 1) if fins % n == 0), windows)


def _on_cpu() -> bool:
    return jax.default_backend() == "cpu"


def device_count() -> int:
    """Returns the number of devices of all processes together."""
    return jax.device_count()


def replicate(tree: Any) -> Any:
    """Copies every leaf to each device of this process: `[...]` → `[local devices, ...]`.

    On a CPU the copies may share the memory of the host array: do not change it afterwards.
    """
    devices = jax.local_devices()
    sharding = NamedSharding(Mesh(np.array(devices), (AXIS,)), PartitionSpec(AXIS))

    def copy(leaf: Any) -> jax.Array:
        leaf = np.asarray(leaf)
        shares = [jax.device_put(leaf[None], device) for device in devices]
        return jax.make_array_from_single_device_arrays((len(devices), *leaf.shape), sharding, shares)

    return jax.tree.map(copy, tree)


def unreplicate(tree: Any) -> Any:
    """Returns the first device's copy of every leaf, as new NumPy arrays."""
    return jax.tree.map(lambda leaf: np.array(leaf[0]), tree)


def share(batch: np.ndarray, *, axis: int = 0) -> np.ndarray:
    """Splits indices of examples along `axis` over all devices; returns `[devices of this process, ...]`.

    If they do not divide evenly, the last shares are filled with `ABSENT`.
    """
    padding = [(0, 0)] * batch.ndim
    padding[axis] = (0, -batch.shape[axis] % device_count())
    filled = np.pad(batch, padding, constant_values=ABSENT)
    return np.stack(processes.own_part(np.split(filled, device_count(), axis=axis)))


def share_size(batch_size: int) -> int:
    """Returns how many examples of a batch each device gets."""
    return -(-batch_size // device_count())


def join(shares: np.ndarray) -> np.ndarray:
    """Joins the devices' results for several batches; the reverse of `share`.

    Args:
        shares: `[batches, devices of this process, b, ...]`.

    Returns:
        `[batches × B, ...]`, of all processes.
    """
    everyone = processes.stack(shares)  # [processes, batches, their devices, b, ...]
    return np.moveaxis(everyone, 0, 1).reshape(-1, *shares.shape[3:])
