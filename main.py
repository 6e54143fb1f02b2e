"""Trains and evaluates finjax models: `python main.py --config=configs/fin_ssi.py`."""

import logging
import sys
from pathlib import Path

from absl import app, flags
from absl import logging as absl_logging
from ml_collections import config_flags

from finjax import processes
from finjax.errors import FinjaxError
from finjax.run import place_of, run

_CONFIG = config_flags.DEFINE_config_file("config", None, "What to run, such as configs/fin_ssi.py.", lock_config=True)
_WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the run; by default runs/ and its name.")
_MODE = flags.DEFINE_enum("mode", "train", ["train", "evaluate"], "Train and evaluate, or evaluate only.")
_SHARD = flags.DEFINE_string("shard", "", "Which part of a study to run, such as 3/40.")
_COORDINATOR = flags.DEFINE_string("coordinator", None, "host:port of process 0, for one training in several.")
_NUM_PROCESSES = flags.DEFINE_integer("num_processes", None, "How many processes that is.")
_PROCESS_ID = flags.DEFINE_integer("process_id", None, "Which one this is, from 0. SLURM and Open MPI say all three.")
_DEBUG = flags.DEFINE_bool("debug", False, "Show where in the program an error came from.")


def main(argv: list[str]) -> None:
    """Runs what the configuration says; an error of the user's is one message."""
    if len(argv) > 1:
        raise app.UsageError(f"what is {argv[1]!r}? Options look like --config.seed=1")
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    logger = logging.getLogger("finjax")
    logger.addHandler(handler)
    logger.propagate = False  # absl's own handler would say it again
    absl_logging.set_verbosity(absl_logging.WARNING)  # orbax tells its whole life at INFO
    try:
        told = processes.find_place(coordinator=_COORDINATOR.value, count=_NUM_PROCESSES.value, index=_PROCESS_ID.value)
        place = place_of(_CONFIG.value, told, shard=_SHARD.value)
        logger.setLevel(logging.INFO if place.index == 0 else logging.WARNING)
        with processes.joined(place):
            run(_CONFIG.value, workdir=_WORKDIR.value, mode=_MODE.value, shard=_SHARD.value)
    except FinjaxError as error:
        if _DEBUG.value:
            raise
        sys.exit(f"error: {error}")


def parse_flags(argv: list[str]) -> list[str]:
    """Parses the command line; a misspelt field or one of another stage is one message."""
    try:
        arguments = app.parse_flags_with_usage(argv)
    except (AttributeError, KeyError) as error:
        # ml_collections quotes its own message, line break and all.
        detail = str(error).replace("\\n", ". ").replace("\\", "").strip("\"'")
        sys.exit(f"error: no such field in the configuration: {detail}")
    file = config_flags.get_config_filename(flags.FLAGS["config"])
    if not Path(file.split(":")[0]).is_file():
        sys.exit(f"error: no such configuration file: {file}")
    return arguments


if __name__ == "__main__":
    flags.mark_flag_as_required("config")
    app.run(main, flags_parser=parse_flags)
