"""The items of one checkpoint: how orbax writes and reads them, and how damage is found.

`variables` (parameters and running statistics), `normalisers` and `model` (its description, JSON) are enough to use a
model. To resume, `opt_state` and `progress` are needed too. `digests` holds the SHA-256 of the other items, because
reading does not show all damage. A checkpoint is damaged only if its content is wrong. If the machine cannot read it
(permission, memory, disk, devices), the error is another one.
"""

import functools
import logging
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp
from absl import logging as absl_logging

from finjax.errors import CheckpointError
from finjax.system import digests, processes
from finjax.system.files import first_line, machine_fault, not_readable, unreadable
from finjax.training.step import TrainState

FORMAT = 4  # raised when older checkpoints can no longer be read
MAX_REASON_LENGTH = 300  # characters: the storage layer adds its whole specification
ARRAYS, TEXTS, DIGESTS = ("variables", "opt_state", "normalisers"), ("model", "progress"), "digests"
SHAPES = "arrays"  # in `model`: types and shapes of the training state's arrays, by item and path
RESUMED = ("variables", "opt_state")  # items whose arrays must have the same types and shapes in a resumed training
OCDBT_WARNING = "Skipping merge of OCDBT checkpoints"  # orbax logs it for each item that `handlers` writes


class DamagedError(CheckpointError):
    """A checkpoint does not hold what was saved."""


def _is_shown(record: logging.LogRecord) -> bool:
    """Returns whether absl's log should show a message."""
    return OCDBT_WARNING not in str(record.msg)


absl_logging.get_absl_logger().addFilter(_is_shown)


@functools.cache
def hide_closed_loops() -> None:
    """Hides the tracebacks about orbax's closed event loops; call it before orbax reads or writes.

    Orbax closes its event loop when the first of several files fails. Tensorstore later reports the other errors to the
    closed loop, and Python shows a traceback for each. The first error is raised, and is enough.
    """
    sys.unraisablehook = _without_closed_loops(sys.unraisablehook)


def _without_closed_loops(previous: Callable[[Any], None]) -> Callable[[Any], None]:
    """Returns a hook for `sys.unraisablehook`, which passes on all errors except those of `hide_closed_loops`."""

    def hook(unraisable: Any) -> None:
        error = unraisable.exc_value
        if unraisable.object is None and isinstance(error, RuntimeError) and str(error) == "Event loop is closed":
            return
        previous(unraisable)

    return hook


def handlers() -> dict[str, ocp.CheckpointHandler]:
    """Returns orbax's handler of each item; each array gets its own folder.

    By default, orbax writes one database for all arrays. It then asks tensorstore for the specification of each array,
    and tensorstore 0.1.86 never frees the names in it (`KvStore.Spec.to_json`): up to 40 kB a checkpoint.
    """
    return {
        **{name: ocp.StandardCheckpointHandler(use_ocdbt=False) for name in ARRAYS},
        **{name: ocp.JsonCheckpointHandler() for name in (*TEXTS, DIGESTS)},
    }


def one_process() -> ocp.options.MultiprocessingOptions:
    """Returns the options with which orbax works in the first process without asking the others."""
    active = {0} if processes.count() > 1 else None
    return ocp.options.MultiprocessingOptions(primary_host=0, active_processes=active)


def to_save(state: TrainState, *, normalisers: Any, info: dict, progress: dict) -> ocp.args.Composite:
    """Returns the items of a checkpoint, as orbax takes them."""
    variables = {"params": state.params, "stats": state.stats}
    # Orbax takes no NumPy scalars.
    arrays = jax.tree.map(np.asarray, dict(zip(ARRAYS, (variables, state.opt_state, normalisers), strict=True)))
    model = {"format": FORMAT, SHAPES: {name: _shapes(arrays[name]) for name in RESUMED}, **info}
    texts = dict(zip(TEXTS, (model, progress), strict=True))
    stored = {name: _digest(name, item) for name, item in (arrays | texts).items()}
    return ocp.args.Composite(
        **{name: ocp.args.StandardSave(item) for name, item in arrays.items()},
        **{name: ocp.args.JsonSave(item) for name, item in (texts | {DIGESTS: stored}).items()},
    )


def restore_model(checkpoint: Path) -> dict[str, Any]:
    """Returns the items that are needed to use a model, by name, with NumPy arrays.

    Raises:
        CheckpointError: see `restore_training`.
        StorageError: see `restore_training`.
    """
    restored = _restore(checkpoint, variables=ocp.args.StandardRestore(), normalisers=ocp.args.StandardRestore())
    return {name: jax.tree.map(np.asarray, item) if name in ARRAYS else item for name, item in restored.items()}


def restore_training(checkpoint: Path, template: TrainState) -> dict[str, Any]:
    """Returns the items that are needed to resume, by name; `template` gives the structure of the training state.

    Raises:
        CheckpointError: the checkpoint has another format, or arrays of other shapes than the template.
        DamagedError: the checkpoint does not hold what was saved.
        StorageError: the machine cannot read the checkpoint.
    """
    trees = {"variables": {"params": template.params, "stats": template.stats}, "opt_state": template.opt_state}
    return _restore(
        checkpoint,
        shapes={name: _shapes(tree) for name, tree in trees.items()},
        **{name: ocp.args.StandardRestore(tree) for name, tree in trees.items()},
        progress=ocp.args.JsonRestore(),
        # Also read the normalisers: otherwise a training could end with a model that cannot be used.
        normalisers=ocp.args.StandardRestore(),
    )


def _restore(
    checkpoint: Path, *, shapes: Mapping[str, dict[str, str]] | None = None, **items: ocp.args.CheckpointArgs
) -> dict[str, Any]:
    texts = _read_items(checkpoint, model=ocp.args.JsonRestore())
    if (found := texts["model"].get("format")) != FORMAT:
        raise CheckpointError(f"{checkpoint} has checkpoint format {found}; this finjax reads {FORMAT}: train again")
    expected = _read_items(checkpoint, **{DIGESTS: ocp.args.JsonRestore()})[DIGESTS]
    _check_digests(checkpoint, texts, expected)
    if shapes and SHAPES in texts["model"]:  # checkpoints of version 0.1.0 lack the shapes
        _refuse_other_shapes(checkpoint, texts["model"][SHAPES], shapes)
    restored = _read_items(checkpoint, **items)
    _check_digests(checkpoint, restored, expected)
    return texts | restored


def _check_digests(checkpoint: Path, items: Mapping[str, Any], expected: Mapping[str, str]) -> None:
    if changed := [name for name, item in items.items() if _digest(name, item) != expected.get(name)]:
        raise DamagedError(f"the checkpoint {checkpoint} is damaged ({', '.join(changed)}: not what was saved)")


def _refuse_other_shapes(checkpoint: Path, stored: Mapping, needed: Mapping) -> None:
    """Raises `CheckpointError` if the checkpoint belongs to another training, which has other arrays."""
    for name in RESUMED:
        for path in sorted(stored[name].keys() | needed[name].keys()):
            found, expected = (shapes[name].get(path, "no such array") for shapes in (stored, needed))
            if found != expected:
                raise CheckpointError(
                    f"{checkpoint} belongs to another model or optimiser: {name} {path} is {found} in the checkpoint "
                    f"and {expected} in this training. Give another --workdir, or the configuration of the run"
                )


def _read_items(checkpoint: Path, **items: ocp.args.CheckpointArgs) -> dict[str, Any]:
    """Reads items of a checkpoint; returns them by name."""
    hide_closed_loops()
    handler = ocp.CompositeCheckpointHandler(
        composite_options=ocp.CompositeOptions(multiprocessing_options=one_process())
    )
    try:
        with ocp.Checkpointer(handler, multiprocessing_options=one_process()) as reader:
            read = dict(reader.restore(checkpoint, args=ocp.args.Composite(**items)).items())
    except Exception as error:  # orbax passes on every error of the storage layer
        if fault := machine_fault(error) or unreadable(checkpoint):
            raise not_readable(checkpoint, fault) from error
        reason = first_line(error)[:MAX_REASON_LENGTH]
        raise DamagedError(f"the checkpoint {checkpoint} cannot be read ({reason})") from error
    texts = (item for name, item in read.items() if name not in ARRAYS)
    if read.keys() != items.keys() or not all(isinstance(item, dict) for item in texts):
        if fault := unreadable(checkpoint):
            raise not_readable(checkpoint, fault)
        raise DamagedError(f"the checkpoint {checkpoint} cannot be read (it lacks {', '.join(items)})")
    return read


def _shapes(tree: Any) -> dict[str, str]:
    """Returns the type and shape of each array of a tree, such as `float32[2, 3]`, by path."""
    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): f"{np.dtype(leaf.dtype).name}{list(np.shape(leaf))}"
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
    }


def _digest(name: str, item: Any) -> str:
    return digests.of_arrays(item) if name in ARRAYS else digests.of_json(item)
