"""The checkpoints of a training in several processes: the first reads and writes them for all."""

from pathlib import Path
from typing import Any

from finjax.system import processes
from finjax.training.checkpoints import Checkpoints
from finjax.training.step import TrainState


class SharedCheckpoints:
    """`Checkpoints` for all processes of a training; only the first reads and writes files.

    A state is saved as one copy, so that a single process can resume a run of several processes, and the reverse.
    """

    def __init__(self, workdir: str | Path):
        self._own = Checkpoints(workdir) if processes.is_first() else None
        self._latest = processes.from_first(lambda: self._first.latest())

    @property
    def _first(self) -> Checkpoints:
        """The checkpoints; only the first process has them."""
        assert self._own
        return self._own

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self._own:
            self._own.__exit__(*exception)

    def latest(self) -> int | None:
        """See `Checkpoints.latest`."""
        return self._own.latest() if self._own else self._latest

    def save(self, state: TrainState, *, normalisers: Any, info: dict, progress: dict, loss: float) -> None:
        """See `Checkpoints.save`."""
        self._latest = int(state.step)
        if self._own:
            self._own.save(state, normalisers=normalisers, info=info, progress=progress, loss=loss)

    def restore_newest(self, template: TrainState) -> tuple[TrainState, dict] | None:
        """See `Checkpoints.restore_newest`."""
        return processes.from_first(lambda: self._first.restore_newest(template))
