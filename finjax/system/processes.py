"""Several processes that run the same program for one training, each with its own devices.

All processes take the same steps in the same order. Besides the gradients, they exchange data only through the
functions of this file: texts through JAX's coordination service, arrays through the devices. With one process these
functions do nothing. No function uses JAX's devices before it needs them.
"""

import contextlib
import itertools
import json
import pickle
import socket
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import jax
import numpy as np

from finjax import errors
from finjax.errors import FinjaxError
from finjax.system import coordination
from finjax.system.coordination import NO_TIMEOUT_MS
from finjax.system.interrupts import Interrupted
from finjax.system.process_place import SINGLE_PROCESS, ProcessPlace

EXCHANGE_BYTES = 64 << 20  # at a time, of all processes together

_place = SINGLE_PROCESS
_messages = itertools.count()
_Result = TypeVar("_Result")
_Item = TypeVar("_Item")


def count() -> int:
    """Returns the number of processes."""
    return _place.count


def is_first() -> bool:
    """Returns whether this is process 0, which writes files and reports."""
    return _place.index == 0


@contextlib.contextmanager
def joined(place: ProcessPlace) -> Iterator[None]:
    """Connects this process to the others while the body runs; an error in one process ends all of them.

    Only the process that fails first raises its error. Enter the context before anything uses JAX's devices.

    Raises:
        ConfigError: the other processes do not answer.
    """
    global _place
    if place.count == 1:
        yield
        return
    coordination.connect(place)
    _place = place
    ended = threading.Event()
    watcher = threading.Thread(target=coordination.exit_if_another_fails, args=(ended,), daemon=True)
    watcher.start()
    try:
        yield
        coordination.client().wait_at_barrier("finjax/done", NO_TIMEOUT_MS)
    except Interrupted:  # in all processes: they agree to save and stop
        ended.set()
        watcher.join()
        coordination.disconnect()
        raise
    except BaseException as error:
        ended.set()
        watcher.join()  # it ends this process if another one failed before
        if not coordination.is_first_failure(f"{type(error).__name__}: {error}"):
            coordination.disconnect_and_exit(1)
        coordination.disconnect()
        if isinstance(error, FinjaxError):
            where = f"process {place.index} of {place.count}, on {socket.gethostname()}"
            raise type(error)(f"{error} [{where}]") from error
        traceback.print_exc()
        coordination.exit_now(1)
    ended.set()
    watcher.join()
    jax.distributed.shutdown()
    _place = SINGLE_PROCESS


def gather_texts(text: str) -> list[str]:
    """Returns the texts of all processes, by index; waits for all of them."""
    if count() == 1:
        return [text]
    key = f"finjax/{next(_messages)}"
    coordination.client().key_value_set(f"{key}/{_place.index}", text)
    return [coordination.client().blocking_key_value_get(f"{key}/{index}", NO_TIMEOUT_MS) for index in range(count())]


def from_first(function: Callable[[], _Result]) -> _Result:
    """Calls a function in process 0 only; returns its result, or raises its `FinjaxError`, in all processes."""
    if count() == 1:
        return function()
    key, packed = f"finjax/{next(_messages)}", b""
    if is_first():
        try:
            packed, failure = pickle.dumps(function()), {}
        except FinjaxError as error:
            failure = {"kind": type(error).__name__, "error": str(error)}
        coordination.client().key_value_set(key, json.dumps({"bytes": len(packed), **failure}))
    header = json.loads(coordination.client().blocking_key_value_get(key, NO_TIMEOUT_MS))
    if "error" in header:
        raise getattr(errors, header["kind"], FinjaxError)(header["error"])
    from jax.experimental import multihost_utils

    content = np.frombuffer(packed.ljust(header["bytes"], b"\0"), np.uint8)
    return pickle.loads(np.asarray(multihost_utils.broadcast_one_to_all(content)).tobytes())


def part_stops(items: int) -> list[int]:
    """Divides items among the processes; returns where each process's share ends, `[processes]`."""
    return [items * (index + 1) // count() for index in range(count())]


def own_part(items: Sequence[_Item]) -> Sequence[_Item]:
    """Returns this process's share of the items."""
    stops = [0, *part_stops(len(items))]
    return items[stops[_place.index] : stops[_place.index + 1]]


def stack(array: np.ndarray) -> np.ndarray:
    """Stacks the arrays of all processes, which must have the same shape: `[...]` → `[processes, ...]`."""
    if count() == 1:
        return array[None]
    from jax.experimental import multihost_utils

    return np.asarray(multihost_utils.process_allgather(array))


def exchange_columns(array: np.ndarray, stops: Sequence[int]) -> None:
    """Fills in the columns of `[C, M]` that other processes hold; in parts, which needs little memory.

    Args:
        array: float32, the same shape in all processes; each has filled in its own columns.
        stops: `[processes]`, where the columns of each process end; see `part_stops`.
    """
    if count() == 1:
        return
    starts = [0, *stops[:-1]]
    channels = len(array)
    most_columns = max(stop - start for start, stop in zip(starts, stops, strict=True))
    width = max(1, min(most_columns, EXCHANGE_BYTES // (channels * array.itemsize * count())))
    part = np.zeros((channels, width), array.dtype)
    for offset in range(0, most_columns, width):
        begins = [min(start + offset, stop) for start, stop in zip(starts, stops, strict=True)]
        ends = [min(begin + width, stop) for begin, stop in zip(begins, stops, strict=True)]
        own = slice(begins[_place.index], ends[_place.index])
        part[:, : own.stop - own.start] = array[:, own]
        for begin, end, theirs in zip(begins, ends, stack(part), strict=True):
            array[:, begin:end] = theirs[:, : end - begin]
