"""Orbax checkpoints of a run, written completely and in the background; the two newest and the best are kept.

`checkpoint_items.py` says what a checkpoint holds and when it is damaged.
"""

import contextlib
import dataclasses
import json
import logging
import sys
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import orbax.checkpoint as ocp
from orbax.checkpoint.checkpoint_managers import AnyPreservationPolicy, BestN, LatestN
from orbax.checkpoint.options import AsyncOptions

from finjax.devices.require import require_devices
from finjax.errors import CheckpointError, FinjaxError, StorageError
from finjax.system import processes
from finjax.system.console import log_once
from finjax.system.files import RESUME, expanded, machine_fault, not_readable, reading_errors, whats_wrong, write_json
from finjax.training.checkpoint_items import (
    DamagedError,
    handlers,
    hide_closed_loops,
    one_process,
    restore_model,
    restore_training,
    to_save,
)
from finjax.training.step import TrainState

logger = logging.getLogger(__name__)

FOLDER = "checkpoints"
METRICS = "metrics/metrics"  # orbax's file in a checkpoint
DAMAGED = "damaged"  # folder for damaged checkpoints whose steps are trained again

Found = TypeVar("Found")


@dataclasses.dataclass
class SavedModel:
    """The part of a checkpoint that is needed to use a model.

    Attributes:
        params: network parameters, NumPy.
        stats: running statistics of BatchNorm, NumPy; empty if there are none.
        normalisers: nested dictionaries of NumPy arrays.
        info: description of the model, as it was saved.
        step: training step of the checkpoint.
    """

    params: Any
    stats: Any
    normalisers: dict
    info: dict
    step: int


def _negative_loss(metrics: dict) -> float:
    return -metrics["loss"]


class Checkpoints:
    """The checkpoints of one working directory; a context manager that waits for writes to finish.

    Raises:
        DeviceError: JAX has no devices.
        StorageError: a checkpoint cannot be written. Checkpoints are written in the background, so a later call or the
            end of the context may raise the error. Earlier checkpoints are kept.
    """

    def __init__(self, workdir: str | Path):
        options = ocp.CheckpointManagerOptions(
            best_fn=_negative_loss,  # without it, metrics are not written
            # Resuming needs the newest, or the one before it if the newest is damaged. With the best alone, orbax could
            # remove both.
            preservation_policy=AnyPreservationPolicy([LatestN(2), BestN(n=1, get_metric_fn=_negative_loss)]),
            cleanup_tmp_directories=True,
            # Threads in the background would wait 20 minutes for folders that cannot be created.
            async_options=AsyncOptions(create_directories_asynchronously=False),
            multiprocessing_options=one_process(),
            create=False,  # orbax refuses to create the folder in one of several processes
        )
        hide_closed_loops()
        require_devices()  # without devices, orbax raises an error, which would be taken for one of the folder
        self._folder = Path(workdir).absolute() / FOLDER
        with self._storage("no checkpoints can be written"):
            self._folder.mkdir(parents=True, exist_ok=True)
            _replace_damaged_metrics(self._folder)
            self._manager = ocp.CheckpointManager(self._folder, options=options, item_handlers=handlers())

    def __enter__(self):
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any):
        try:
            with self._storage("the last checkpoint was not written"):
                self._manager.close()
        except StorageError as storage_error:
            if error is None or not isinstance(error, Exception):
                raise
            logger.warning("%s", storage_error)  # `error` is already being raised

    def latest(self) -> int | None:
        """Returns the newest step, or None if there is no checkpoint."""
        return self._manager.latest_step()

    def save(self, state: TrainState, *, normalisers: Any, info: dict, progress: dict, loss: float) -> None:
        """Saves a state (on the host, one copy) in the background; `loss` ranks it for "best"."""
        step = int(state.step)
        if not self._folder.is_dir():  # orbax would create it again, empty
            raise StorageError(f"{self._folder} is gone: no checkpoint can be saved. Train again")
        with self._storage(f"the checkpoint of step {step} or the one before it was not written"):
            items = to_save(state, normalisers=normalisers, info=info, progress=progress)
            saved = self._manager.save(step, args=items, metrics={"loss": loss})
        assert saved, f"step {step} was saved already"

    def restore(self, template: TrainState, step: int) -> tuple[TrainState, dict]:
        """Returns the training state and progress saved at a step; `template` gives the tree's structure.

        Raises:
            CheckpointError: the checkpoint is damaged, or belongs to another model or optimiser.
            StorageError: the machine cannot read the checkpoint.
        """
        restored = restore_training(self._folder / str(step), template)
        state = TrainState(step=np.int32(step), **restored["variables"], opt_state=restored["opt_state"])
        return state, restored["progress"]

    def restore_newest(self, template: TrainState) -> tuple[TrainState, dict] | None:
        """Restores the newest checkpoint that is not damaged; returns None if there are no checkpoints.

        Newer checkpoints are damaged; they are moved to the folder `damaged/`, so that their steps can be saved again.

        Raises:
            CheckpointError: all checkpoints are damaged, or the newest belongs to another model or optimiser.
            StorageError: the machine cannot read the newest checkpoint; nothing is moved.
        """
        steps = _steps(self._folder)
        if not steps:
            return None
        state, progress = _newest_usable(self._folder, lambda step: self.restore(template, step))
        if newer := [step for step in steps if step > progress["step"]]:
            self._move_damaged(newer)
        return state, progress

    def _move_damaged(self, steps: Collection[int]) -> None:
        folder = self._folder.with_name(DAMAGED)
        with self._storage("damaged checkpoints cannot be moved"):
            folder.mkdir(exist_ok=True)
            for step in steps:
                earlier = len([path for path in folder.iterdir() if path.name.split("_")[0] == str(step)])
                (self._folder / str(step)).rename(folder / f"{step}_{earlier}")
        self._manager.reload()

    @contextlib.contextmanager
    def _storage(self, what: str) -> Iterator[None]:
        """Turns every error of the storage layer, which orbax passes on, into one message."""
        try:
            yield
        except FinjaxError:
            raise
        except Exception as error:
            kept = ""
            with contextlib.suppress(OSError):
                kept = " and ".join(map(str, _steps(self._folder)))
            raise StorageError(
                f"{self._folder}: {what}: {whats_wrong(error)}. " + (f"Kept: step {kept}. " if kept else "") + RESUME
            ) from error


def has_checkpoint(workdir: str | Path) -> bool:
    """Returns whether a working directory holds a finished checkpoint, damaged or not."""

    def look() -> bool:
        with reading_errors(Path(workdir)):
            return bool(_steps(Path(workdir) / FOLDER))

    return processes.from_first(look)


def _steps(folder: Path) -> list[int]:
    """Returns the steps of finished checkpoints; orbax names a folder after its step when it is finished."""
    return sorted(int(path.name) for path in folder.iterdir() if path.name.isdigit()) if folder.is_dir() else []


def read_model(workdir: str | Path, *, step: int | str = "latest") -> SavedModel:
    """Reads the model saved in a working directory; of several processes, the first reads it for all.

    Args:
        workdir: directory of a run.
        step: a training step, `"latest"`, or `"best"` by validation loss, or by training loss if nothing
            was validated.

    Raises:
        CheckpointError: there is no usable checkpoint.
        DeviceError: JAX has no devices.
        StorageError: the machine cannot read the checkpoint.
    """
    require_devices()
    return processes.from_first(lambda: _read_model(workdir, step))


def _read_model(workdir: str | Path, step: int | str) -> SavedModel:
    with reading_errors(Path(workdir)):
        return _read_step(workdir, step)


def _read_step(workdir: str | Path, step: int | str) -> SavedModel:
    folder = (expanded(workdir) / FOLDER).absolute()  # orbax reads only absolute paths
    if not folder.is_dir():
        reason = "no such folder" if not expanded(workdir).is_dir() else f"it has no folder {FOLDER}/"
        below = sorted(path.parent for path in expanded(workdir).glob(f"*/{FOLDER}"))
        which = ", ".join(map(str, below[:3])) + (", …" if len(below) > 3 else "")
        what = f"Did you mean {which}?" if below else "Give the folder of a run, such as runs/fin_ssi"
        raise CheckpointError(f"no finjax run in {workdir}: {reason}. {what}")
    steps = _steps(folder)
    if not steps:
        raise CheckpointError(f"{folder} holds no finished checkpoint yet: wait until the training saves its first")
    if step == "latest":
        return _newest_usable(folder, lambda one: _read(folder / str(one)))
    if step == "best":
        step = min(reversed(steps), key=lambda one: _loss(folder / str(one)))
    if step not in steps:
        raise CheckpointError(f'{folder} has no step {step!r}: choose from {steps}, "latest" and "best"')
    return _read(folder / str(step))


def _loss(checkpoint: Path) -> float:
    """Returns the loss that ranks a checkpoint."""
    path = checkpoint / METRICS
    try:
        return json.loads(path.read_text(encoding="utf-8"))["loss"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        if fault := machine_fault(error):
            raise not_readable(path, fault) from error
        raise CheckpointError(
            f"{path} is damaged, so the best checkpoint is not known: choose latest or the number of a step"
        ) from error


def _replace_damaged_metrics(folder: Path) -> None:
    """Ranks a checkpoint last if its loss is damaged; otherwise orbax would open no checkpoint."""
    for path in folder.glob(f"*/{METRICS}"):
        try:
            _loss(path.parents[1])
        except CheckpointError:
            write_json(path, {"loss": sys.float_info.max})


def _read(checkpoint: Path) -> SavedModel:
    restored = restore_model(checkpoint)
    return SavedModel(
        **restored["variables"],
        normalisers=restored["normalisers"],
        info=restored["model"],
        step=int(checkpoint.name),
    )


def _newest_usable(folder: Path, read: Callable[[int], Found]) -> Found:
    """Returns `read(step)` of the newest step that is not damaged; warns if a newer step is damaged."""
    damaged = []
    for step in reversed(_steps(folder)):
        try:
            found = read(step)
        except DamagedError as error:
            damaged.append(str(error))
            continue
        if damaged:
            log_once(logger, f"{'; '.join(damaged)}. Using the one before: {folder / str(step)}")
        return found
    raise CheckpointError(
        f"{'; '.join(damaged)}. There is no other checkpoint: restore {folder} from a copy, or remove it and train "
        "again"
    )
