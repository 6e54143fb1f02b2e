"""Orbax checkpoints of a run: written atomically and in the background, the two newest and the best kept.

A checkpoint holds five items: `variables` (parameters and running statistics), `normalisers` and `model` (what
the model is, JSON), which is all that using the model needs, and `opt_state` and `progress`, which resuming needs
besides. A sixth, `digests`, says what these held when they were saved: not every damage shows in reading.
"""

import contextlib
import dataclasses
import functools
import json
import logging
import sys
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any, TypeVar

import jax
import numpy as np
import orbax.checkpoint as ocp
from orbax.checkpoint.checkpoint_managers import AnyPreservationPolicy, BestN, LatestN
from orbax.checkpoint.options import AsyncOptions

from finjax import digests, processes
from finjax.errors import CheckpointError, StorageError
from finjax.files import whats_wrong, write_json
from finjax.training.step import TrainState

logger = logging.getLogger(__name__)

FOLDER = "checkpoints"
METRICS = "metrics/metrics"  # orbax's file in a checkpoint
DAMAGED = "damaged"  # where checkpoints go that cannot be read, once their steps are trained again
FORMAT = 4  # raised when a checkpoint of before can no longer be read
MOST_OF_REASON = 300  # characters: the storage layer adds its whole specification
ARRAYS, TEXTS, DIGESTS = ("variables", "opt_state", "normalisers"), ("model", "progress"), "digests"

Found = TypeVar("Found")


class _DamagedError(CheckpointError):
    """A checkpoint cannot be read."""


@dataclasses.dataclass
class SavedModel:
    """The part of a checkpoint that using a model needs.

    Attributes:
        params: network parameters, NumPy.
        stats: running statistics of BatchNorm, NumPy; empty where there are none.
        normalisers: nested dictionaries of NumPy arrays.
        info: what the model is, as it was saved.
        step: training step of the checkpoint.
    """

    params: Any
    stats: Any
    normalisers: dict
    info: dict
    step: int


def _handlers() -> dict[str, ocp.CheckpointHandler]:
    """Returns what writes each item: each array goes to a folder of its own.

    Orbax's default, one database for all arrays, asks tensorstore for the specification of each of them, and
    tensorstore 0.1.86 never frees the names in it (`KvStore.Spec.to_json`): up to 40 kB a checkpoint. Orbax warns at
    each save that there is no such database to complete; `main.py` shows that with `--debug` alone.
    """
    arrays = {name: ocp.StandardCheckpointHandler(use_ocdbt=False) for name in ARRAYS}
    return arrays | {name: ocp.JsonCheckpointHandler() for name in (*TEXTS, DIGESTS)}


def _goodness(metrics: dict) -> float:
    return -metrics["loss"]


class Checkpoints:
    """The checkpoints of one working directory; a context manager that waits for writes to finish.

    Raises:
        StorageError: on leaving it, or later than the call that it comes from, as writing is in the background:
            a checkpoint cannot be written. Those of before are as they were.
    """

    def __init__(self, workdir: str | Path):
        options = ocp.CheckpointManagerOptions(
            best_fn=_goodness,  # without it, metrics are not written
            # Keeping the best alone could drop the newest, and resuming would lose work; the one before is for
            # when the newest is damaged.
            preservation_policy=AnyPreservationPolicy([LatestN(2), BestN(n=1, get_metric_fn=_goodness)]),
            cleanup_tmp_directories=True,
            # In the background, threads would wait 20 minutes for folders that cannot be made.
            async_options=AsyncOptions(create_directories_asynchronously=False),
            multiprocessing_options=_alone(),
            create=False,  # orbax refuses to where it works alone among several processes
        )
        self._folder = Path(workdir).absolute() / FOLDER
        with self._storage("cannot hold checkpoints"):
            self._folder.mkdir(parents=True, exist_ok=True)
            _forget_damaged_metrics(self._folder)
            self._manager = ocp.CheckpointManager(self._folder, options=options, item_handlers=_handlers())

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        try:
            with self._storage("the last checkpoint is not written"):
                self._manager.close()
        except StorageError as unwritten:
            if error is None or not isinstance(error, Exception):
                raise
            logger.warning("%s", unwritten)  # beside what is already on its way to the user

    def latest(self) -> int | None:
        """Returns the newest step, or None where there is no checkpoint."""
        return self._manager.latest_step()

    def save(self, state: TrainState, *, normalisers: Any, info: dict, progress: dict, loss: float) -> None:
        """Saves a state (on the host, one copy) in the background; `loss` ranks it for "best"."""
        step = int(state.step)
        variables = {"params": state.params, "stats": state.stats}
        # Orbax takes no NumPy scalars.
        arrays = jax.tree.map(np.asarray, dict(zip(ARRAYS, (variables, state.opt_state, normalisers), strict=True)))
        texts = dict(zip(TEXTS, ({"format": FORMAT, **info}, progress), strict=True))
        stored = {name: _digest(name, item) for name, item in (arrays | texts).items()}
        if not self._folder.is_dir():  # orbax would make it anew, without what was there
            raise StorageError(f"{self._folder} is gone: nothing can be saved there. Train again")
        with self._storage(f"the checkpoint of step {step} or the one before is not written"):
            saved = self._manager.save(
                step,
                args=ocp.args.Composite(
                    **{name: ocp.args.StandardSave(item) for name, item in arrays.items()},
                    **{name: ocp.args.JsonSave(item) for name, item in (texts | {DIGESTS: stored}).items()},
                ),
                metrics={"loss": loss},
            )
        assert saved, f"step {step} was saved already"

    def restore(self, template: TrainState, step: int) -> tuple[TrainState, dict]:
        """Returns the training state and progress saved at a step; `template` gives the tree's structure.

        Raises:
            CheckpointError: the checkpoint is damaged.
        """
        restored = _restore(
            self._folder / str(step),
            variables=ocp.args.StandardRestore({"params": template.params, "stats": template.stats}),
            opt_state=ocp.args.StandardRestore(template.opt_state),
            progress=ocp.args.JsonRestore(),
            # What using the model needs as well: else training would end with a model that cannot be used.
            normalisers=ocp.args.StandardRestore(),
        )
        state = TrainState(step=np.int32(step), **restored["variables"], opt_state=restored["opt_state"])
        return state, restored["progress"]

    def restore_newest(self, template: TrainState) -> tuple[TrainState, dict] | None:
        """Returns what `restore` does of the newest checkpoint that can be read, or None where there is none.

        Newer ones, which are damaged, go to the folder `damaged/`, so that their steps can be saved again.

        Raises:
            CheckpointError: there are checkpoints, and all are damaged.
        """
        steps = _steps(self._folder)
        if not steps:
            return None
        state, progress = _newest_usable(self._folder, lambda step: self.restore(template, step))
        if newer := [step for step in steps if step > progress["step"]]:
            self._set_aside(newer)
        return state, progress

    def _set_aside(self, steps: Collection[int]) -> None:
        folder = self._folder.with_name(DAMAGED)
        with self._storage("damaged checkpoints cannot be moved"):
            folder.mkdir(exist_ok=True)
            for step in steps:
                earlier = len([path for path in folder.iterdir() if path.name.split("_")[0] == str(step)])
                (self._folder / str(step)).rename(folder / f"{step}_{earlier}")
        self._manager.reload()

    @contextlib.contextmanager
    def _storage(self, what: str) -> Iterator[None]:
        """Turns what orbax lets through of the storage layer into one message."""
        try:
            yield
        except Exception as error:
            kept = " and ".join(map(str, _steps(self._folder)))
            raise StorageError(
                f"{self._folder}: {what}: {whats_wrong(error)}. "
                + (f"Kept: step {kept}. " if kept else "")
                + "Then the same command goes on"
            ) from error


def has_checkpoint(workdir: str | Path) -> bool:
    """Tells whether a working directory holds a finished checkpoint, whatever its state."""
    return processes.from_first(lambda: bool(_steps(Path(workdir) / FOLDER)))


def _steps(folder: Path) -> list[int]:
    """Returns the steps of finished checkpoints; orbax renames them to that when they are."""
    return sorted(int(path.name) for path in folder.iterdir() if path.name.isdigit()) if folder.is_dir() else []


def read_model(workdir: str | Path, *, step: int | str = "latest") -> SavedModel:
    """Reads the model saved in a working directory; of several processes the first does, for all.

    Args:
        workdir: directory of a run.
        step: a training step, `"latest"`, or `"best"` by validation loss, or by training loss where nothing
            was validated.

    Raises:
        CheckpointError: nothing usable is there.
    """
    return processes.from_first(lambda: _read_model(workdir, step))


def _read_model(workdir: str | Path, step: int | str) -> SavedModel:
    folder = (Path(workdir).expanduser() / FOLDER).absolute()  # orbax reads no others
    if not folder.is_dir():
        there = "no such folder" if not Path(workdir).expanduser().is_dir() else f"it has no folder {FOLDER}/"
        raise CheckpointError(
            f"no finjax run in {workdir}: {there}. Give the --workdir of a training run, such as runs/fin_ssi"
        )
    steps = _steps(folder)
    if not steps:
        raise CheckpointError(f"{folder} holds no finished checkpoint yet; let the training reach its first")
    if step == "latest":
        return _newest_usable(folder, lambda one: _read(folder / str(one)))
    if step == "best":
        step = min(reversed(steps), key=lambda one: _loss(folder / str(one)))
    if step not in steps:
        raise CheckpointError(f'{folder} has no step {step!r}; there are {steps}, "latest" and "best"')
    return _read(folder / str(step))


def _loss(checkpoint: Path) -> float:
    """Returns the loss that ranks a checkpoint."""
    path = checkpoint / METRICS
    try:
        return json.loads(path.read_text())["loss"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{path} is damaged, so that the best checkpoint is not known: name a step (latest, or a number)"
        ) from error


def _forget_damaged_metrics(folder: Path) -> None:
    """Ranks checkpoints last whose loss cannot be read: orbax would open none."""
    for path in folder.glob(f"*/{METRICS}"):
        try:
            _loss(path.parents[1])
        except CheckpointError:
            write_json(path, {"loss": sys.float_info.max})


def _read(checkpoint: Path) -> SavedModel:
    restored = _restore(checkpoint, variables=ocp.args.StandardRestore(), normalisers=ocp.args.StandardRestore())
    arrays = jax.tree.map(np.asarray, {**restored["variables"], "normalisers": restored["normalisers"]})
    return SavedModel(**arrays, info=restored["model"], step=int(checkpoint.name))


def _newest_usable(folder: Path, read: Callable[[int], Found]) -> Found:
    """Returns what `read` makes of the newest step that is not damaged; says so where that is not the newest."""
    damaged = []
    for step in reversed(_steps(folder)):
        try:
            found = read(step)
        except _DamagedError as error:
            damaged.append(str(error))
            continue
        if damaged:
            _warn(f"{'; '.join(damaged)}. The one before is taken, {folder / str(step)}")
        return found
    raise CheckpointError(
        f"{'; '.join(damaged)}. There is no other: restore {folder} from a copy, or remove it and train again"
    )


@functools.cache
def _warn(message: str) -> None:
    """Logs a warning once, however often the same damage is met."""
    logger.warning("%s", message)


def _restore(checkpoint: Path, **items: ocp.args.CheckpointArgs) -> dict[str, Any]:
    """Returns items of a checkpoint and its `model`, by name.

    Raises:
        CheckpointError: it is of another format.
        _DamagedError: they are not what was saved.
    """
    texts = _read_items(checkpoint, model=ocp.args.JsonRestore())
    if (found := texts["model"].get("format")) != FORMAT:
        raise CheckpointError(f"{checkpoint} has checkpoint format {found}; this finjax reads {FORMAT}")
    restored = texts | _read_items(checkpoint, **{DIGESTS: ocp.args.JsonRestore()}, **items)
    expected = restored.pop(DIGESTS)
    if changed := [name for name, item in restored.items() if _digest(name, item) != expected.get(name)]:
        raise _DamagedError(f"the checkpoint {checkpoint} is damaged ({', '.join(changed)}: not what was saved)")
    return restored


def _read_items(checkpoint: Path, **items: ocp.args.CheckpointArgs) -> dict[str, Any]:
    """Returns items by name; raises `_DamagedError` where one is none."""
    handler = ocp.CompositeCheckpointHandler(composite_options=ocp.CompositeOptions(multiprocessing_options=_alone()))
    try:
        with ocp.Checkpointer(handler, multiprocessing_options=_alone()) as reader:
            read = dict(reader.restore(checkpoint, args=ocp.args.Composite(**items)).items())
    except Exception as error:  # orbax lets through whatever the storage layer raised
        raise _DamagedError(f"the checkpoint {checkpoint} cannot be read ({_first_line(error)})") from error
    texts = (item for name, item in read.items() if name not in ARRAYS)
    if read.keys() != items.keys() or not all(isinstance(item, dict) for item in texts):
        raise _DamagedError(f"the checkpoint {checkpoint} cannot be read (it lacks {', '.join(items)})")
    return read


def _alone() -> ocp.options.MultiprocessingOptions:
    """Returns how orbax works in one process: the first, which saves and reads without asking the others."""
    active = {0} if processes.count() > 1 else None
    return ocp.options.MultiprocessingOptions(primary_host=0, active_processes=active)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:MOST_OF_REASON]


def _digest(name: str, item: Any) -> str:
    return digests.of_arrays(item) if name in ARRAYS else digests.of_json(item)
