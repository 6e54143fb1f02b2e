"""Trains and evaluates finjax models: `python main.py --config=configs/fin_ssi.py`."""

import logging
import re
import sys
from pathlib import Path

from absl import app, flags
from absl import logging as absl_logging
from ml_collections import config_flags

from finjax.commands.explain import explain
from finjax.configs import recorded
from finjax.errors import FinjaxError, report
from finjax.run import place_of, run
from finjax.system import interrupts, processes
from finjax.system.console import any_terminal

_CONFIG = config_flags.DEFINE_config_file(
    "config", None, "What to run, such as configs/fin_ssi.py, or the config.json of an earlier run.", lock_config=True
)
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
    # Orbax tells its whole life at INFO, and tells of errors, which finjax does too, by tracebacks.
    absl_logging.set_verbosity(absl_logging.WARNING if _DEBUG.value else absl_logging.FATAL)
    with interrupts.raised_at_once():
        try:
            told = processes.find_place(
                coordinator=_COORDINATOR.value, count=_NUM_PROCESSES.value, index=_PROCESS_ID.value
            )
            place = place_of(_CONFIG.value, told, shard=_SHARD.value)
            logger.setLevel(logging.INFO if place.index == 0 else logging.WARNING)
            with processes.joined(place):
                run(_CONFIG.value, workdir=_WORKDIR.value, mode=_MODE.value, shard=_SHARD.value)
        except interrupts.Interrupted as interrupted:
            print(interrupted, file=sys.stderr)
            sys.exit(interrupted.exit_status)
        except FinjaxError as error:
            sys.exit(report(error, debug=_DEBUG.value))


def parse_flags(argv: list[str]) -> list[str]:
    """Parses the command line; whatever is wrong with it is one message."""
    debug = "--debug" in argv
    try:
        arguments = flags.FLAGS([_of_recorded(argument) for argument in argv])
        file = config_flags.get_config_filename(flags.FLAGS["config"])
    except BrokenPipeError:  # of --help
        raise
    except FinjaxError as error:
        sys.exit(report(error, debug=debug))
    except Exception as error:  # a configuration is a program of the user's
        sys.exit(report(error, debug=debug, message=explain(error, argv)))
    if not Path(file.split(":")[0]).is_file():
        sys.exit(f"error: no such configuration file: {file}")
    return arguments


def _of_recorded(argument: str) -> str:
    """Has `configs/recorded.py` read the JSON that an argument names as the configuration."""
    if match := re.fullmatch(r"(--?config=)?([^-].*\.json)", argument):
        recorded.read(match[2])  # config_flags would show a traceback
        return f"{match[1] or ''}{recorded.__file__}:{match[2]}"
    return argument


if __name__ == "__main__":
    flags.mark_flag_as_required("config")
    with any_terminal():
        app.run(main, flags_parser=parse_flags)
