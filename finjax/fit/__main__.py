"""Fits a decoder to your recordings, and says how good it is.

    finjax fit recordings                              # a folder of BIDS or XDF files; to runs/fit
    finjax fit recordings --subject=2 --workdir=runs/anna
    finjax fit recordings --from=runs/cnn_pooled_seen/pooled     # starts from a decoder of other people
    finjax fit recordings --preset=fine_tune:spatial   # FINs that ship with finjax, and a CNN
    finjax fit recordings --from=runs/fins             # FINs fin_rms, fin_var, … and a CNN
    finjax fit data/3dc --preset=cnn:best              # any registered dataset (--name if several fit)

It leaves one repetition of the movements out after the other, tunes a decoder to the others and tests it on that one.
Then it tunes the decoder that you use to all repetitions. The same command resumes a fit that was stopped.
Exit status 1: an error, 2: a wrong command, 130 or 75: stopped by a signal.
"""

import argparse
import contextlib
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

from absl import logging as absl_logging

from finjax.errors import FinjaxError, add_debug_option, print_error
from finjax.fit.fitting import fit
from finjax.fit.report import report
from finjax.fit.settings import FitSettings
from finjax.fit.start import DEFAULT_PRESET
from finjax.system import interrupts
from finjax.system.console import any_terminal


@any_terminal()
def main(arguments: list[str] | None = None, *, prog: str = "python -m finjax.fit") -> int:
    """Runs the command line; returns the exit status. A `FinjaxError` is printed as one message."""
    options = _parser(prog).parse_args(arguments)
    # Orbax logs every step at INFO, and warnings that do not matter here.
    absl_logging.set_verbosity(absl_logging.WARNING if options.debug else absl_logging.FATAL)
    settings = FitSettings(
        recording=options.recording,
        name=options.name,
        start=options.start,
        preset=options.preset,
        subjects=options.subject,
        seed=options.seed,
        plugins=options.plugins,
        cache_dir=options.cache_dir,
    )
    with interrupts.raised_at_once(), _warnings_once():
        try:
            result = fit(settings, options.workdir, say=_say)
            for line in report(result, Path(options.workdir)):
                _say(line)
        except interrupts.Interrupted as interrupted:
            print(interrupted, file=sys.stderr)
            return interrupted.exit_status
        except FinjaxError as error:
            return print_error(error, debug=options.debug)
    return 0


class _Once(logging.Filter):
    """Shows a message only once: every training reads the same recordings, and notes the same about them."""

    def __init__(self):
        super().__init__()
        self._seen: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        new = message not in self._seen
        self._seen.add(message)
        return new


@contextlib.contextmanager
def _warnings_once() -> Iterator[None]:
    """Shows the warnings of finjax on stderr, each once."""
    logger = logging.getLogger("finjax")
    handler, before = logging.StreamHandler(), logger.propagate
    handler.setLevel(logging.WARNING)
    handler.addFilter(_Once())
    logger.addHandler(handler)
    logger.propagate = False  # absl's own handler would print each line again
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = before


def _say(line: str) -> None:
    print(line, flush=True)


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=prog, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recording", nargs="?", default="", metavar="RECORDING", help="folder of the recordings")
    parser.add_argument(
        "--name", default="", help="the dataset, such as bids or three_dc; default: by the files' names"
    )
    parser.add_argument(
        "--from", dest="start", default="", metavar="RUN", help="a decoder of other people, or a folder of FINs"
    )
    parser.add_argument(
        "--preset", default="", help=f"how to train, such as cnn:best or raw_cnn (default: {DEFAULT_PRESET})"
    )
    parser.add_argument("--subject", default="", help="only these people, such as 1 or 1-3; default: all")
    parser.add_argument("--workdir", default="runs/fit", help="where to write (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of everything random (default: 0)")
    parser.add_argument("--plugins", default="", help="modules that register your own datasets and features")
    parser.add_argument("--cache_dir", default="", help="folder of the cache of recordings")
    add_debug_option(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
