"""Writes a model that no run has trained as a run, so that it can be loaded, evaluated and exported like one."""

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np

from finjax.errors import CheckpointError
from finjax.training.checkpoints import Checkpoints, has_checkpoint
from finjax.training.logs import record_run
from finjax.training.optimiser import Group, Optimiser
from finjax.training.progress import Progress
from finjax.training.step import create_state


def refuse_occupied(workdir: Path) -> None:
    """Raises `CheckpointError` if a folder holds a run."""
    if has_checkpoint(workdir):
        raise CheckpointError(f"{workdir} holds a run already: choose another folder, or remove that one")


def save_model(workdir: Path, *, params: Any, stats: Any, normalisers: dict, info: dict, step: int = 0) -> None:
    """Writes a model as the only checkpoint of a run, with the run's `config.json`.

    Args:
        workdir: folder of the run.
        params: network parameters.
        stats: running statistics of BatchNorm.
        normalisers: nested dictionaries of arrays.
        info: description of the model; `config` is its configuration.
        step: number of the checkpoint.

    Raises:
        CheckpointError: the folder holds a run already.
        StorageError: the checkpoint cannot be written.
    """
    refuse_occupied(workdir)
    # A checkpoint needs an optimiser's state, although no training resumes from this one.
    state = create_state(params, stats, Optimiser(groups=(Group(learning_rate=0.0),)))
    state = dataclasses.replace(state, step=np.int32(step))
    record_run(workdir / "config.json", info["config"], resumed=False)
    with Checkpoints(workdir) as checkpoints:
        checkpoints.save(
            state, normalisers=normalisers, info=info, progress=dataclasses.asdict(Progress()), loss=math.inf
        )
