"""Trains and evaluates models: the command line of `main.py`, and of `finjax train` and similar commands.

--config is the configuration to run: the name of a configuration in the package, such as fin_ssi:fast, a file such as
my_config.py:fast, or the config.json of an earlier run.
"""

import functools
import itertools
import logging
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from absl import app, flags
from absl import logging as absl_logging
from ml_collections import config_flags

from finjax.commands.explain import explain
from finjax.configs import recorded
from finjax.errors import FinjaxError, print_error
from finjax.run import MODES, place_of, run
from finjax.system import interrupts, processes
from finjax.system.console import any_terminal
from finjax.system.process_place import find_place

CONFIGS = Path(recorded.__file__).parent  # the package's configurations

_CONFIG = config_flags.DEFINE_config_file(
    "config",
    None,
    "The configuration to run: fin_ssi, my_config.py, or an earlier run's config.json.",
    lock_config=True,
)
_WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the run; default: runs/ and the name of the run.")
_MODE = flags.DEFINE_enum("mode", "train", MODES, "Train and evaluate, or evaluate only.")
_SHARD = flags.DEFINE_string("shard", "", "Which part of a study to run, such as 3/40.")
_COORDINATOR = flags.DEFINE_string("coordinator", None, "host:port of process 0, for a training in several processes.")
_NUM_PROCESSES = flags.DEFINE_integer("num_processes", None, "Number of processes.")
_PROCESS_ID = flags.DEFINE_integer("process_id", None, "Number of this process, from 0. SLURM and Open MPI set all 3.")
_DEBUG = flags.DEFINE_bool("debug", False, "Show where in the program an error came from.")


def start(argv: Sequence[str] | None = None, *, stage: str = "") -> None:
    """Runs a command line, by default that of the process, and exits.

    Args:
        argv: the command line, beginning with the name of the program.
        stage: the stage that the configuration must have; empty: any.
    """
    flags.mark_flag_as_required("config")
    with any_terminal():
        app.run(
            functools.partial(main, stage=stage),
            argv=None if argv is None else list(argv),
            flags_parser=parse_flags,
        )


def main(argv: list[str], *, stage: str = "") -> None:
    """Runs the configuration; a `FinjaxError` is printed as one message."""
    if len(argv) > 1:
        raise app.UsageError(f"unknown argument {argv[1]!r}; options look like --config.seed=1")
    if stage and (other := _CONFIG.value.get("stage")) != stage:
        sys.exit(f"error: {argv[0]} runs stage {stage}, but the configuration is for {other}: use finjax train")
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    logger = logging.getLogger("finjax")
    logger.addHandler(handler)
    logger.propagate = False  # absl's own handler would print each line again
    # Orbax logs each of its steps at INFO, and logs a traceback for each error, which finjax reports itself.
    absl_logging.set_verbosity(absl_logging.WARNING if _DEBUG.value else absl_logging.FATAL)
    with interrupts.raised_at_once():
        try:
            found = find_place(coordinator=_COORDINATOR.value, count=_NUM_PROCESSES.value, index=_PROCESS_ID.value)
            place = place_of(_CONFIG.value, found, shard=_SHARD.value)
            logger.setLevel(logging.INFO if place.index == 0 else logging.WARNING)
            with processes.joined(place):
                run(_CONFIG.value, workdir=_WORKDIR.value, mode=_MODE.value, shard=_SHARD.value)
        except interrupts.Interrupted as interrupted:
            print(interrupted, file=sys.stderr)
            sys.exit(interrupted.exit_status)
        except FinjaxError as error:
            sys.exit(print_error(error, debug=_DEBUG.value))


def parse_flags(argv: list[str]) -> list[str]:
    """Parses the command line; an error is printed as one message."""
    debug = "--debug" in argv
    try:
        arguments = flags.FLAGS(list(_with_config_found(argv)))
        file = config_flags.get_config_filename(flags.FLAGS["config"])
    except BrokenPipeError:  # while printing --help
        raise
    except FinjaxError as error:
        sys.exit(print_error(error, debug=debug))
    except Exception as error:  # a configuration is the user's program, and may raise anything
        sys.exit(print_error(error, debug=debug, message=explain(error, argv)))
    if not Path(file.split(":")[0]).is_file():
        sys.exit(f"error: no such configuration file: {file}. The package has {', '.join(config_names())}")
    return arguments


def config_names() -> list[str]:
    """Returns the names of the package's configurations."""
    return [
        path.stem
        for path in sorted(CONFIGS.glob("*.py"))
        if "def get_config(preset" in path.read_text(encoding="utf-8")
    ]


def _with_config_found(argv: Sequence[str]) -> Iterator[str]:
    """Yields the command line with the configuration replaced by its file."""
    for before, argument in itertools.pairwise(["", *argv]):
        option = next((option for option in ("--config=", "-config=") if argument.startswith(option)), "")
        is_config = option or before in ("--config", "-config")
        yield f"{option}{_file_of(argument.removeprefix(option))}" if is_config else argument


def _file_of(config: str) -> str:
    """Returns the file of a configuration, with its preset.

    `configs/recorded.py` reads the JSON of an earlier run. A name alone, or a file `configs/NAME.py` that does not
    exist here, is one of the package's configurations.
    """
    if config.endswith(".json"):
        recorded.read(config)  # raises the error here: config_flags would show a traceback
        return f"{recorded.__file__}:{config}"
    name, colon, preset = config.partition(":")
    own = re.fullmatch(r"(?:configs/)?([a-z_]+)(?:\.py)?", name)
    if own and not Path(name).is_file() and own[1] in config_names():
        return f"{CONFIGS / own[1]}.py{colon}{preset}"
    return config
