"""Runs a stage by the name in the configuration's field `stage`."""

import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path

from finjax.configs.settings import StageSettings
from finjax.system import processes
from finjax.system.arithmetic import numpy_defaults
from finjax.system.files import storage_errors
from finjax.system.locks import locked
from finjax.tasks.classical import run_classical
from finjax.tasks.decoder import run_decoder
from finjax.tasks.fin import run_fin

STAGES: Mapping[str, Callable] = {
    "fin": run_fin,
    "cnn": run_decoder,
    "fine_tune": run_decoder,
    "raw_cnn": run_decoder,
    "classical": run_classical,
}


@numpy_defaults()
def run_stage(settings: StageSettings, workdir: Path, *, mode: str) -> None:
    """Runs a stage, and locks its folder during training.

    Evaluations need no lock: they read finished checkpoints, and write whole files.
    """
    lock = locked(workdir) if mode == "train" and processes.is_first() else contextlib.nullcontext()
    with storage_errors(workdir), lock:
        STAGES[settings.stage](settings, workdir, mode=mode)
