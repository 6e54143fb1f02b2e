"""Everything that knows of devices: data parallelism by `jax.pmap` over those of all processes.

Train steps are pure functions of one device's share, with `AXIS` as the name to reduce over. Each process hands
to its own devices what is theirs, and gets their results; only the reductions go further.
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
# Written where a device has fewer examples than the others: nothing, not even a BatchNorm, sees it.
ABSENT = np.iinfo(np.int32).min
# Windows that an LSTM works on at a time, or windows × LSTMs of a stack: on a CPU what it reads and writes in a few
# steps should stay in the cache, elsewhere all must fit the device (1 MB each with the paper's network).
CPU_TILE, OTHER_TILE = 16, 4096

# How XLA is to compile an LSTM's small steps for a CPU: with vectors as wide as AVX-512's where it has them, with loops
# as they are written (LLVM unrolls them into code that it vectorises worse), and with results that come from the same
# arrays in one kernel. XLA ignores unknown extra options.
CPU_COMPILER = {
    "--xla_cpu_prefer_vector_width": "512",
    "--xla_backend_extra_options": "xla_cpu_disable_loop_unrolling,xla_cpu_use_multi_output_fusion",
}

MANY_MAPS = 30_000
KEPT_FROM_S = 0.1  # programs that compile faster are not worth a file


def use_cpu_devices(count: int, *, batch_size: int) -> None:
    """Splits the CPU into devices and tunes the compiler for them.

    Where JAX has looked at its devices already, it keeps them as they are, and a warning says so once.

    Args:
        count: how many, of each process, whatever `XLA_FLAGS` and `JAX_NUM_CPU_DEVICES` say; 0 for as many as these
            say, else for as many as there are cores this process may use, and examples for them.
        batch_size: examples in a batch.
    """
    in_use = _jax_is_in_use()
    if not in_use:
        tune_compiler()
    wanted = count
    if not count:
        if "host_platform_device_count" in os.environ.get("XLA_FLAGS", "") or jax.config.jax_num_cpu_devices > 0:
            return
        wanted = min(_cores(), -(-batch_size // processes.count()))
    if not in_use:
        jax.config.update("jax_num_cpu_devices", wanted)
    elif _on_cpu() and jax.local_device_count() != wanted:
        _say_that_jax_is_in_use(jax.local_device_count())


def _jax_is_in_use() -> bool:
    """Whether JAX has looked at its devices, after which their number cannot change: it refuses another one."""
    now = jax.config.jax_num_cpu_devices
    try:
        jax.config.update("jax_num_cpu_devices", now + 1)
    except RuntimeError:
        return True
    jax.config.update("jax_num_cpu_devices", now)
    return False


@functools.cache  # one warning in a process
def _say_that_jax_is_in_use(devices: int) -> None:
    logger.warning(
        "JAX is in use in this process already: finjax takes its %d CPU device%s as %s. To use more cores, set "
        "JAX_NUM_CPU_DEVICES before JAX is first used, or start finjax in a process of its own.",
        devices, "s"[: devices > 1], "they are" if devices > 1 else "it is",
    )  # fmt: skip


def tune_compiler() -> None:
    """Has programs compiled for a CPU as suits LSTMs; only before jax has looked at its devices.

    What `XLA_FLAGS` says of it already stays as it is.
    """
    flags = os.environ.get("XLA_FLAGS", "")
    missing = [f"{name}={value}" for name, value in CPU_COMPILER.items() if f"{name}=" not in flags]
    os.environ["XLA_FLAGS"] = " ".join([flags, *missing]).strip()


def _cores() -> int:
    """Returns how many cores each process has to itself: as many as the one that has the fewest."""
    own = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))
    everyone = processes.gather_texts(f"{socket.gethostname()} {' '.join(map(str, own))}")
    return min(max(1, len(cores.split()[1:]) // everyone.count(cores)) for cores in everyone)


def connect_devices() -> None:
    """Connects the devices of several processes; does nothing where there is one process.

    Raises:
        ConfigError: the processes have different numbers of devices; `jax.pmap` wants them equal.
    """
    if processes.count() == 1:
        return
    counts = processes.gather_texts(str(jax.local_device_count()))
    if len(set(counts)) > 1:
        raise ConfigError(f"the processes have {', '.join(counts)} devices: give each as many as the others")
    # Gloo gives connections 30 s when they are first used, and then one process may still be compiling for longer.
    pmap(lambda x: jax.lax.psum(x, AXIS))(np.zeros(jax.local_device_count()))
    processes.stack(np.zeros(1))
    processes.from_first(lambda: None)


def keep_programs(folder: Path) -> None:
    """Keeps compiled programs for later processes in a folder, or in the one that JAX was told of already."""
    if told := jax.config.jax_compilation_cache_dir:
        ProgramCache(Path(told)).take_over()
        return
    ProgramCache(folder).take_over()
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", KEPT_FROM_S)


def spare_memory_maps() -> None:
    """Forgets compiled programs once they take up many of the memory maps that Linux allows a process.

    A program is tens to hundreds of maps on a CPU, and the process dies when it has no more (`vm.max_map_count`,
    by default 65,530). What is needed again comes from the folder of `keep_programs`.
    """
    maps = Path("/proc/self/maps")
    if maps.exists() and maps.read_bytes().count(b"\n") > MANY_MAPS:
        jax.clear_caches()
        gc.collect()


def pmap(function: Callable, *, donate_argnums: tuple[int, ...] = ()) -> Callable:
    """Maps a function over the leading device axis of its arguments, compiled; `AXIS` names that axis."""
    return jax.pmap(function, axis_name=AXIS, donate_argnums=donate_argnums)


def tile_size(examples: int) -> int:
    """Returns how many of a device's `examples` an LSTM is to work on at a time."""
    return min(examples, CPU_TILE if _on_cpu() else OTHER_TILE)


def stack_tile(examples: int, *, fins: int) -> Tile:
    """Returns how many FINs of a stack, and how many of a device's `examples` each, to work on at a time.

    On a CPU few FINs with many windows each: their weights then stay in the cache. Elsewhere all FINs.
    """
    if not _on_cpu():
        return Tile(fins, min(examples, max(1, OTHER_TILE // fins)))
    windows = -(-examples // -(-examples // CPU_TILE))  # in tiles of about the same size
    most = max(1, CPU_TILE // windows)
    return Tile(max(n for n in range(1, most + 1) if fins % n == 0), windows)


def _on_cpu() -> bool:
    return jax.default_backend() == "cpu"


def device_count() -> int:
    """Number of devices, of all processes together."""
    return jax.device_count()


def replicate(tree: Any) -> Any:
    """Puts a copy of every leaf on each device of this process: `[...]` → `[its devices, ...]`.

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
    """Splits numbers of examples along `axis` over all devices; returns `[devices of this process, ...]`.

    Where they do not divide, the last shares are filled up with `ABSENT`.
    """
    missing = [(0, 0)] * batch.ndim
    missing[axis] = (0, -batch.shape[axis] % device_count())
    filled = np.pad(batch, missing, constant_values=ABSENT)
    return np.stack(processes.own_part(np.split(filled, device_count(), axis=axis)))


def share_size(batch_size: int) -> int:
    """Returns how many examples of a batch a device has."""
    return -(-batch_size // device_count())


def join(shares: np.ndarray) -> np.ndarray:
    """The reverse of `share` for what the devices made of several batches.

    Args:
        shares: `[batches, devices of this process, b, ...]`.

    Returns:
        `[batches × B, ...]`, of all processes.
    """
    everyone = processes.stack(shares)  # [processes, batches, their devices, b, ...]
    return np.moveaxis(everyone, 0, 1).reshape(-1, *shares.shape[3:])
