"""Orbax checkpoints of a run: written atomically and in the background, the newest and the best kept.

A checkpoint holds five items: `variables` (parameters and running statistics), `normalisers` and `model` (what
the model is, JSON), which is all that using the model needs, and `opt_state` and `progress`, which resuming needs
besides. `model` holds a digest of each: orbax would read a weight with a flipped bit as if nothing were wrong.
"""

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp
from orbax.checkpoint.checkpoint_managers import AnyPreservationPolicy, BestN, LatestN

from finjax import digests, processes
from finjax.errors import CheckpointError
from finjax.training.step import TrainState

FOLDER = "checkpoints"
FORMAT = 4
UNVERIFIED = 3  # the format before, which is still read: it has no digests
REMEDY = "If another step is there, remove this one; else train again"


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


def _goodness(metrics: dict) -> float:
    return -metrics["loss"]


class Checkpoints:
    """The checkpoints of one working directory; a context manager that waits for writes to finish."""

    def __init__(self, workdir: str | Path):
        options = ocp.CheckpointManagerOptions(
            best_fn=_goodness,  # without it, metrics are not written
            # Keeping the best alone could drop the newest, and resuming would lose work.
            preservation_policy=AnyPreservationPolicy([LatestN(1), BestN(n=1, get_metric_fn=_goodness)]),
            cleanup_tmp_directories=True,
            multiprocessing_options=_alone(),
            create=False,  # orbax refuses to where it works alone among several processes
        )
        folder = (Path(workdir) / FOLDER).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        with _reported(f"checkpoints in {folder}"):  # it reads their metrics
            self._manager = ocp.CheckpointManager(folder, options=options)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._manager.close()

    def latest(self) -> int | None:
        """Returns the newest step, or None where there is no checkpoint."""
        return self._manager.latest_step()

    def save(self, state: TrainState, *, normalisers: Any, info: dict, progress: dict, loss: float) -> None:
        """Saves a state (on the host, one copy) in the background; `loss` ranks it for "best"."""
        step = int(state.step)
        trees = {
            "variables": {"params": state.params, "stats": state.stats},
            "opt_state": state.opt_state,
            "normalisers": normalisers,
        }
        trees = {name: jax.tree.map(np.asarray, tree) for name, tree in trees.items()}  # orbax takes no NumPy scalars
        stored = {name: digests.of_arrays(tree) for name, tree in trees.items()}
        stored |= {"model": digests.of_json(info), "progress": digests.of_json(progress)}
        saved = self._manager.save(
            step,
            args=ocp.args.Composite(
                **{name: ocp.args.StandardSave(tree) for name, tree in trees.items()},
                model=ocp.args.JsonSave({"format": FORMAT, "digests": stored, **info}),
                progress=ocp.args.JsonSave(progress),
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
            self._manager,
            step,
            variables=ocp.args.StandardRestore({"params": template.params, "stats": template.stats}),
            opt_state=ocp.args.StandardRestore(template.opt_state),
            progress=ocp.args.JsonRestore(),
            model=ocp.args.JsonRestore(),
        )
        folder = self._manager.directory / str(step)
        _verify(
            folder,
            restored.model,
            variables=digests.of_arrays(restored.variables),
            opt_state=digests.of_arrays(restored.opt_state),
            progress=digests.of_json(restored.progress),
        )
        state = TrainState(step=np.int32(step), **restored.variables, opt_state=restored.opt_state)
        return state, restored.progress


def _alone() -> ocp.options.MultiprocessingOptions:
    """Returns how orbax works in one process: the first, which saves and reads without asking the others."""
    active = {0} if processes.count() > 1 else None
    return ocp.options.MultiprocessingOptions(primary_host=0, active_processes=active)


def has_checkpoint(workdir: str | Path) -> bool:
    """Tells whether a working directory holds a finished checkpoint, whatever its state."""

    def look() -> bool:
        folder = Path(workdir) / FOLDER
        return folder.is_dir() and any(path.name.isdigit() for path in folder.iterdir())

    return processes.from_first(look)


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
    folder = Path(workdir).expanduser() / FOLDER
    if not folder.is_dir():
        there = "no such folder" if not Path(workdir).expanduser().is_dir() else f"it has no folder {FOLDER}/"
        raise CheckpointError(
            f"no finjax run in {workdir}: {there}. Give the --workdir of a training run, such as runs/fin_ssi"
        )
    options = ocp.CheckpointManagerOptions(best_fn=_goodness, create=False, multiprocessing_options=_alone())
    with _reported(f"checkpoints in {folder}"), ocp.CheckpointManager(folder.absolute(), options=options) as manager:
        chosen = _choose(manager, step, folder)
        info = _restore(manager, chosen, model=ocp.args.JsonRestore()).model
        if info.get("format") not in (UNVERIFIED, FORMAT):
            raise CheckpointError(
                f"{folder / str(chosen)} has checkpoint format {info.get('format')}; "
                f"this finjax reads {UNVERIFIED} and {FORMAT}"
            )
        restored = _restore(
            manager, chosen, variables=ocp.args.StandardRestore(), normalisers=ocp.args.StandardRestore()
        )
    _verify(
        folder / str(chosen),
        info,
        variables=digests.of_arrays(restored.variables),
        normalisers=digests.of_arrays(restored.normalisers),
    )
    arrays = jax.tree.map(np.asarray, {**restored.variables, "normalisers": restored.normalisers})
    return SavedModel(**arrays, info=info, step=chosen)


def _choose(manager: ocp.CheckpointManager, step: int | str, folder: Path) -> int:
    steps = sorted(manager.all_steps())
    if not steps:
        raise CheckpointError(f"{folder} holds no finished checkpoint yet; let the training reach its first")
    if step == "latest":
        return steps[-1]
    if step == "best":
        return manager.best_step()
    if step not in steps:
        raise CheckpointError(f'{folder} has no step {step!r}; there are {steps}, "latest" and "best"')
    return step


def _verify(folder: Path, info: dict, **found: str) -> None:
    """Raises `CheckpointError` where what was restored is not what was saved, by its digests."""
    if info.get("format") == UNVERIFIED and "digests" not in info:
        return
    own = {name: value for name, value in info.items() if name not in ("format", "digests")}
    stored = info.get("digests")
    for name, digest in {"model": digests.of_json(own), **found}.items():
        if not isinstance(stored, dict) or stored.get(name) != digest:
            raise CheckpointError(
                f"the checkpoint {folder} is damaged: its {name.replace('_', ' ')} is not what was saved. {REMEDY}"
            )


def _restore(manager: ocp.CheckpointManager, step: int, **items: ocp.args.CheckpointArgs):
    with _reported(f"checkpoint {manager.directory / str(step)}"):
        return manager.restore(step, args=ocp.args.Composite(**items))


@contextlib.contextmanager
def _reported(what: str) -> Iterator[None]:
    """Turns whatever orbax and the storage layer raise at damaged files into `CheckpointError`."""
    try:
        yield
    except CheckpointError:
        raise
    except Exception as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise CheckpointError(f"the {what} cannot be read ({reason}). {REMEDY}") from error
