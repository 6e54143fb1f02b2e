"""The items of one checkpoint: how orbax writes and reads them, and how damage is found.

`variables` (parameters and running statistics), `normalisers` and `model` (what the model is, JSON) are all that using
a model needs. `opt_state` and `progress` are needed besides to resume. `digests` holds the SHA-256 of the others: not
every damage shows in reading. Only what the bytes say is damage. What the machine refuses (permission, memory, input
and output, devices) is another error.
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
MOST_OF_REASON = 300  # characters: the storage layer adds its whole specification
ARRAYS, TEXTS, DIGESTS = ("variables", "opt_state", "normalisers"), ("model", "progress"), "digests"
SHAPES = "arrays"  # in `model`: types and shapes of the training state's arrays, by item and place
RESUMED = ("variables", "opt_state")  # the items whose arrays a training must have the same of
NOT_OCDBT = "Skipping merge of OCDBT checkpoints"  # orbax warns so of each item that `handlers` has written


class DamagedError(CheckpointError):
    """A checkpoint does not hold what was saved."""


def _is_news(record: logging.LogRecord) -> bool:
    """Tells whether absl's log should show a message."""
    return NOT_OCDBT not in str(record.msg)


absl_logging.get_absl_logger().addFilter(_is_news)


@functools.cache
def leave_out_closed_loops() -> None:
    """Leaves out the tracebacks of orbax's closed event loops; to be called before orbax reads or writes.

    Orbax closes its event loop when the first of several files fails. Tensorstore then reports the others to a closed
    loop, at any time, and Python shows a traceback for each. The first error is raised, and says it all.
    """
    sys.unraisablehook = _without_closed_loops(sys.unraisablehook)


def _without_closed_loops(previous: Callable[[Any], None]) -> Callable[[Any], None]:
    """Returns a hook for errors that nobody can catch, which passes on all but those of `leave_out_closed_loops`."""

    def hook(unraisable: Any) -> None:
        told = unraisable.object is None and isinstance(unraisable.exc_value, RuntimeError)
        if not told or str(unraisable.exc_value) != "Event loop is closed":
            previous(unraisable)

    return hook


def handlers() -> dict[str, ocp.CheckpointHandler]:
    """Returns what writes each item: each array goes to a folder of its own.

    Orbax's default, one database for all arrays, asks tensorstore for the specification of each of them, and
    tensorstore 0.1.86 never frees the names in it (`KvStore.Spec.to_json`): up to 40 kB a checkpoint.
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
    """Returns the items that using a model needs, by name; arrays are NumPy's.

    Raises:
        CheckpointError: as of `restore_training`.
        StorageError: as of `restore_training`.
    """
    restored = _restore(checkpoint, variables=ocp.args.StandardRestore(), normalisers=ocp.args.StandardRestore())
    return {name: jax.tree.map(np.asarray, item) if name in ARRAYS else item for name, item in restored.items()}


def restore_training(checkpoint: Path, template: TrainState) -> dict[str, Any]:
    """Returns the items that resuming needs, by name; `template` gives the structure of the training state.

    Raises:
        CheckpointError: it has another format, or arrays of other shapes than the template.
        DamagedError: it does not hold what was saved.
        StorageError: the machine cannot read it.
    """
    trees = {"variables": {"params": template.params, "stats": template.stats}, "opt_state": template.opt_state}
    return _restore(
        checkpoint,
        shapes={name: _shapes(tree) for name, tree in trees.items()},
        **{name: ocp.args.StandardRestore(tree) for name, tree in trees.items()},
        progress=ocp.args.JsonRestore(),
        # What using the model needs as well: else training would end with a model that cannot be used.
        normalisers=ocp.args.StandardRestore(),
    )


def _restore(
    checkpoint: Path, *, shapes: Mapping[str, dict[str, str]] | None = None, **items: ocp.args.CheckpointArgs
) -> dict[str, Any]:
    texts = _read_items(checkpoint, model=ocp.args.JsonRestore())
    if (found := texts["model"].get("format")) != FORMAT:
        raise CheckpointError(f"{checkpoint} has checkpoint format {found}; this finjax reads {FORMAT}")
    expected = _read_items(checkpoint, **{DIGESTS: ocp.args.JsonRestore()})[DIGESTS]
    _check_digests(checkpoint, texts, expected)
    if shapes and SHAPES in texts["model"]:  # checkpoints of version 0.1.0 lack it
        _refuse_other_shapes(checkpoint, texts["model"][SHAPES], shapes)
    restored = _read_items(checkpoint, **items)
    _check_digests(checkpoint, restored, expected)
    return texts | restored


def _check_digests(checkpoint: Path, items: Mapping[str, Any], expected: Mapping[str, str]) -> None:
    if changed := [name for name, item in items.items() if _digest(name, item) != expected.get(name)]:
        raise DamagedError(f"the checkpoint {checkpoint} is damaged ({', '.join(changed)}: not what was saved)")


def _refuse_other_shapes(checkpoint: Path, stored: Mapping, ours: Mapping) -> None:
    """Raises `CheckpointError` where a training has other arrays than the checkpoint: it is another one's."""
    for name in RESUMED:
        for place in sorted(stored[name].keys() | ours[name].keys()):
            there, here = (shapes[name].get(place, "no such array") for shapes in (stored, ours))
            if there != here:
                raise CheckpointError(
                    f"{checkpoint} is of another model or optimiser: {name} {place} is {there} there and {here} in "
                    "this training. Give another --workdir, or the configuration that the run was started with"
                )


def _read_items(checkpoint: Path, **items: ocp.args.CheckpointArgs) -> dict[str, Any]:
    """Returns items by name."""
    leave_out_closed_loops()
    handler = ocp.CompositeCheckpointHandler(
        composite_options=ocp.CompositeOptions(multiprocessing_options=one_process())
    )
    try:
        with ocp.Checkpointer(handler, multiprocessing_options=one_process()) as reader:
            read = dict(reader.restore(checkpoint, args=ocp.args.Composite(**items)).items())
    except Exception as error:  # orbax lets through whatever the storage layer raised
        if fault := machine_fault(error) or unreadable(checkpoint):
            raise not_readable(checkpoint, fault) from error
        reason = first_line(error)[:MOST_OF_REASON]
        raise DamagedError(f"the checkpoint {checkpoint} cannot be read ({reason})") from error
    texts = (item for name, item in read.items() if name not in ARRAYS)
    if read.keys() != items.keys() or not all(isinstance(item, dict) for item in texts):
        if fault := unreadable(checkpoint):
            raise not_readable(checkpoint, fault)
        raise DamagedError(f"the checkpoint {checkpoint} cannot be read (it lacks {', '.join(items)})")
    return read


def _shapes(tree: Any) -> dict[str, str]:
    """Returns the type and shape of each array of a tree, as `float32[2, 3]`, by its place."""
    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): f"{np.dtype(leaf.dtype).name}{list(np.shape(leaf))}"
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
    }


def _digest(name: str, item: Any) -> str:
    return digests.of_arrays(item) if name in ARRAYS else digests.of_json(item)
