"""Several processes that run the same program on the same training, each with devices of its own.

All of them take the same steps in the same order. What they tell each other besides the gradients goes through the
functions here: texts through JAX's coordination service, arrays over the devices. One process alone makes all of
them do nothing. Nothing here is asked of JAX's devices before it must be.
"""

import contextlib
import dataclasses
import itertools
import json
import logging
import os
import pickle
import re
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import numpy as np

from finjax import errors
from finjax.errors import ConfigError, FinjaxError
from finjax.system.interrupts import Interrupted

logger = logging.getLogger(__name__)

LAUNCHERS = {
    "ompi": ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "Open MPI"),
    "slurm": ("SLURM_STEP_NUM_TASKS", "SLURM_PROCID", "SLURM"),
}  # by JAX's name: which variables hold the number of processes and that of this one
PATIENCE_S = 60  # for process 0 to be there
PARTING_S = 30  # for the others, when one has failed
FOREVER_MS = 7 * 24 * 3600 * 1000  # a slow process is waited for, one that has failed says so
LOOK_EVERY_S = 0.3
FAILED = "finjax/failed"  # where a process leaves why it failed
EXCHANGED_BYTES = 64 << 20  # at a time, that of all processes together


@dataclasses.dataclass(frozen=True, kw_only=True)
class ProcessPlace:
    """Which of how many processes this one is.

    Attributes:
        count: processes.
        index: number of this one, from 0; the first is the one that writes.
        coordinator: `host:port` where process 0 answers the others, or empty where `launcher` tells JAX.
        launcher: key of `LAUNCHERS`, or empty.
    """

    count: int = 1
    index: int = 0
    coordinator: str = ""
    launcher: str = ""


SINGLE_PROCESS = ProcessPlace()
_here = SINGLE_PROCESS
_messages = itertools.count()


def find_place(*, coordinator: str | None = None, count: int | None = None, index: int | None = None) -> ProcessPlace:
    """Returns which of how many processes this one is, by what it was told or by what SLURM or Open MPI say.

    Args:
        coordinator: `host:port` of process 0.
        count: processes.
        index: number of this one, from 0.

    Raises:
        ConfigError: some of them without the others, or out of range.
    """
    told = {"--coordinator": coordinator, "--num_processes": count, "--process_id": index}
    missing = [name for name, value in told.items() if value is None]
    if len(missing) == len(told):
        return _launched()
    if missing:
        raise ConfigError(f"{' and '.join(told.keys() - missing)} without {' and '.join(missing)}: give all three")
    if count < 1 or not 0 <= index < count:
        raise ConfigError(f"--num_processes={count} --process_id={index}: processes are numbered from 0 to one less")
    port = re.fullmatch(r"(?:\[[\da-fA-F:.]+\]|[^\s:\[\]]+):(\d{1,5})", coordinator)
    if not port or not 0 < int(port[1]) < 2**16:
        raise ConfigError(f"--coordinator={coordinator}: give host and port of process 0, as node1:12345")
    return ProcessPlace(count=count, index=index, coordinator=coordinator) if count > 1 else SINGLE_PROCESS


def _launched() -> ProcessPlace:
    for launcher, (variable, rank, _) in LAUNCHERS.items():
        # Of the step, not of the allocation: in a shell of `salloc --ntasks=8` this is one process.
        if (count := int(os.environ.get(variable) or 1)) > 1:
            return ProcessPlace(count=count, index=int(os.environ.get(rank) or 0), launcher=launcher)
    return SINGLE_PROCESS


def count() -> int:
    """Number of processes."""
    return _here.count


def is_first() -> bool:
    """Tells whether this is the process that writes and reports."""
    return _here.index == 0


@contextlib.contextmanager
def joined(place: ProcessPlace) -> Iterator[None]:
    """Runs its body in one program with the other processes; an error in one of them ends all, and is raised in one.

    To be entered before anything is asked of JAX's devices.

    Raises:
        ConfigError: the other processes cannot be reached.
    """
    global _here
    if place.count == 1:
        yield
        return
    _connect(place)
    _here = place
    ended = threading.Event()
    watcher = threading.Thread(target=_end_with_the_others, args=(ended,), daemon=True)
    watcher.start()
    try:
        yield
        _client().wait_at_barrier("finjax/done", FOREVER_MS)
    except Interrupted:  # all of them are: they agree to save and stop
        ended.set()
        watcher.join()
        with contextlib.suppress(Exception):
            jax.distributed.shutdown()
        raise
    except BaseException as error:
        ended.set()
        watcher.join()  # which ends this process if another one failed before
        if not _first_to_fail(f"{type(error).__name__}: {error}"):
            _leave(1)
        with contextlib.suppress(Exception):
            jax.distributed.shutdown()  # waits until the others know
        if isinstance(error, FinjaxError):
            where = f"process {place.index} of {place.count}, on {socket.gethostname()}"
            raise type(error)(f"{error} [{where}]") from error
        traceback.print_exc()
        _exit(1)
    ended.set()
    watcher.join()
    jax.distributed.shutdown()
    _here = SINGLE_PROCESS


def _connect(place: ProcessPlace) -> None:
    logger.info("waiting for %d processes", place.count)
    told = {"cluster_detection_method": place.launcher}
    if place.coordinator:
        _check_coordinator(place)
        told = {
            "coordinator_address": place.coordinator,
            "num_processes": place.count,
            "process_id": place.index,
            "cluster_detection_method": "deactivate",
        }
    jax.config.update("jax_enable_preemption_service", False)  # it would swallow SIGTERM
    try:
        jax.distributed.initialize(**told, shutdown_timeout_seconds=PARTING_S)
    except (ValueError, RuntimeError) as error:
        by = f" by {LAUNCHERS[place.launcher][2]}" if place.launcher else ""
        raise ConfigError(
            f"this is one of {place.count} processes started{by}, and JAX cannot bring them together ({error}): "
            "give each --coordinator=host:port, --num_processes and --process_id"
        ) from error


def _check_coordinator(place: ProcessPlace) -> None:
    """Raises `ConfigError` where the coordinator cannot be, or is not, there: JAX would abort the process."""
    host, port = place.coordinator.rsplit(":", 1)
    host, port = host.strip("[]"), int(port)
    if place.index == 0:
        with socket.socket(socket.AF_INET6 if socket.has_ipv6 else socket.AF_INET) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind(("", port))
            except OSError as error:
                raise ConfigError(f"--coordinator={place.coordinator}: port {port} of this host: {error}") from error
        return
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            socket.create_connection((host, port), timeout=5).close()
            return
        except OSError as error:
            if time.monotonic() > until:
                raise ConfigError(
                    f"--coordinator={place.coordinator}: nobody answers there after {PATIENCE_S} s ({error}); "
                    "process 0 must run on that host"
                ) from error
            time.sleep(LOOK_EVERY_S)


def _client() -> Any:
    from jax._src import distributed  # there is no public way to JAX's coordination service

    return distributed.global_state.client


def _first_to_fail(reason: str) -> bool:
    """Leaves why this process failed for the others; tells whether it is the first of them."""
    try:
        _client().key_value_set(FAILED, reason)  # a key is set once
        return True
    except Exception:
        return False


def _end_with_the_others(ended: threading.Event) -> None:
    """Ends this process, which may be waiting in the middle of a step, as soon as another one has failed."""
    while not ended.wait(LOOK_EVERY_S):
        try:
            _client().key_value_try_get(FAILED)
        except Exception:  # no such key
            continue
        _leave(1)


def _leave(status: int) -> None:
    with contextlib.suppress(Exception):
        jax.distributed.shutdown()  # the one that failed waits for it
    _exit(status)


def _exit(status: int) -> None:
    """Ends the process at once: its threads may hang in a step that will never be finished."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def gather_texts(text: str) -> list[str]:
    """Returns the texts of all processes, in their order; waits for all of them."""
    if count() == 1:
        return [text]
    key = f"finjax/{next(_messages)}"
    _client().key_value_set(f"{key}/{_here.index}", text)
    return [_client().blocking_key_value_get(f"{key}/{index}", FOREVER_MS) for index in range(count())]


def from_first(function: Callable[[], Any]) -> Any:
    """Returns what a function returns in the first process, in all; so too what it raises of `FinjaxError`."""
    if count() == 1:
        return function()
    key, packed = f"finjax/{next(_messages)}", b""
    if is_first():
        try:
            packed, told = pickle.dumps(function()), {}
        except FinjaxError as error:
            told = {"kind": type(error).__name__, "error": str(error)}
        _client().key_value_set(key, json.dumps({"bytes": len(packed), **told}))
    told = json.loads(_client().blocking_key_value_get(key, FOREVER_MS))
    if "error" in told:
        raise getattr(errors, told["kind"], FinjaxError)(told["error"])
    from jax.experimental import multihost_utils

    content = np.frombuffer(packed.ljust(told["bytes"], b"\0"), np.uint8)
    return pickle.loads(np.asarray(multihost_utils.broadcast_one_to_all(content)).tobytes())


def part_stops(items: int) -> list[int]:
    """Returns where the processes' shares of some items end, `[processes]`; each begins where the one before ends."""
    return [items * (index + 1) // count() for index in range(count())]


def own_part(items: Sequence) -> Sequence:
    """Returns this process's share of some items."""
    stops = [0, *part_stops(len(items))]
    return items[stops[_here.index] : stops[_here.index + 1]]


def stack(array: np.ndarray) -> np.ndarray:
    """Returns the arrays of all processes, which have one shape: `[...]` → `[processes, ...]`."""
    if count() == 1:
        return array[None]
    from jax.experimental import multihost_utils

    return np.asarray(multihost_utils.process_allgather(array))


def exchange_columns(array: np.ndarray, stops: Sequence[int]) -> None:
    """Fills in the columns of `[C, M]` that other processes hold, part by part so that little memory is needed.

    Args:
        array: float32; the same shape in all processes, each with its own columns filled in.
        stops: `[processes]` ends of the processes' columns; each begins where the one before ends.
    """
    if count() == 1:
        return
    starts = [0, *stops[:-1]]
    channels = len(array)
    longest = max(stop - start for start, stop in zip(starts, stops, strict=True))
    width = max(1, min(longest, EXCHANGED_BYTES // (channels * array.itemsize * count())))
    part = np.zeros((channels, width), array.dtype)
    for offset in range(0, longest, width):
        begins = [min(start + offset, stop) for start, stop in zip(starts, stops, strict=True)]
        ends = [min(begin + width, stop) for begin, stop in zip(begins, stops, strict=True)]
        own = slice(begins[_here.index], ends[_here.index])
        part[:, : own.stop - own.start] = array[:, own]
        for begin, end, theirs in zip(begins, ends, stack(part), strict=True):
            array[:, begin:end] = theirs[:, : end - begin]
