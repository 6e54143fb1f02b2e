"""Which of how many processes this one is: as its options say, or as SLURM or Open MPI say."""

import dataclasses
import os
import re

from finjax.errors import ConfigError

LAUNCHERS = {
    "ompi": ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "Open MPI"),
    "slurm": ("SLURM_STEP_NUM_TASKS", "SLURM_PROCID", "SLURM"),
}  # by JAX's name: the variables with the number of processes and the index of this one, and the name to print


@dataclasses.dataclass(frozen=True, kw_only=True)
class ProcessPlace:
    """Which of how many processes this one is.

    Attributes:
        count: number of processes.
        index: index of this process, from 0; only process 0 writes files.
        coordinator: `host:port` where process 0 answers the others; empty if `launcher` tells JAX.
        launcher: key of `LAUNCHERS`, or empty.
    """

    count: int = 1
    index: int = 0
    coordinator: str = ""
    launcher: str = ""


SINGLE_PROCESS = ProcessPlace()


def find_place(*, coordinator: str | None = None, count: int | None = None, index: int | None = None) -> ProcessPlace:
    """Returns the place that the arguments give; without any, the place that SLURM or Open MPI give.

    Args:
        coordinator: `host:port` of process 0.
        count: number of processes.
        index: index of this process, from 0.

    Raises:
        ConfigError: only some arguments are given, or one is out of range.
    """
    options = {"--coordinator": coordinator, "--num_processes": count, "--process_id": index}
    missing = [name for name, value in options.items() if value is None]
    if len(missing) == len(options):
        return _place_from_launcher()
    if missing:
        raise ConfigError(f"{' and '.join(options.keys() - missing)} without {' and '.join(missing)}: give all three")
    assert coordinator is not None and count is not None and index is not None
    if count < 1 or not 0 <= index < count:
        raise ConfigError(
            f"--num_processes={count} --process_id={index}: --process_id must be 0 to --num_processes - 1"
        )
    port = re.fullmatch(r"(?:\[[\da-fA-F:.]+\]|[^\s:\[\]]+):(\d{1,5})", coordinator)
    if not port or not 0 < int(port[1]) < 2**16:
        raise ConfigError(f"--coordinator={coordinator}: give host and port of process 0, as node1:12345")
    return ProcessPlace(count=count, index=index, coordinator=coordinator) if count > 1 else SINGLE_PROCESS


def _place_from_launcher() -> ProcessPlace:
    for launcher, (variable, rank, _) in LAUNCHERS.items():
        # Tasks of the step, not of the allocation: a shell of `salloc --ntasks=8` is one process.
        if (count := int(os.environ.get(variable) or 1)) > 1:
            return ProcessPlace(count=count, index=int(os.environ.get(rank) or 0), launcher=launcher)
    return SINGLE_PROCESS
