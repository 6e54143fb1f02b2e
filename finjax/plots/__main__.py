"""Figures of runs.

finjax plots sheet OUT.png RUN [--subject=1] [--repetition=2] [--dir=FOLDER]
    One repetition of a subject with its movements, features (closed-form and imitated) and decisions over time.
    RUN is a decoder's folder, such as runs/fine_tune/subject_1.
finjax plots curves OUT.png RUN [RUN ...] [--part=unseen]
    Learning curves of FINs side by side. Training records them with --config.evaluate.every_steps.
"""

import argparse
import dataclasses
import sys
from pathlib import Path

from finjax.errors import FinjaxError, add_debug_option, option_of, print_error
from finjax.evaluation.figures import TITLES
from finjax.inference.restored import load_decoder
from finjax.plots import curves, sheet
from finjax.system.console import any_terminal
from finjax.system.paths import refuse_url
from finjax.tasks.task import Task


def _sheet(options: argparse.Namespace) -> None:
    model = load_decoder(options.run)
    settings = model.config
    if options.dir:
        refuse_url(options.dir, option="--dir")
        settings = dataclasses.replace(settings, data=dataclasses.replace(settings.data, dir=options.dir))
    subject = model.person(options.subject, option="--subject")
    task = Task.load(settings, horizon=model.framing.horizon, subjects=(subject,), option=_option)
    first = next(iter(task.split.test_repetitions), int(task.store.segments[0, 4]))
    repetition = options.repetition or first
    sheet.draw(options.out, model, task, repetition=repetition)


def _option(field: str) -> str:
    """Returns the option that sets a field: `--dir`, or one of the training."""
    return "--dir" if field == "data.dir" else option_of(field)


def _curves(options: argparse.Namespace) -> None:
    curves.draw(options.out, options.runs, part=options.part)


@any_terminal()
def main(arguments: list[str] | None = None, *, prog: str = "python -m finjax.plots") -> int:
    """Runs the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog=prog, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    kinds = parser.add_subparsers(required=True)
    one = kinds.add_parser("sheet", help="one repetition of a subject over time")
    one.add_argument("out", type=Path, help="the PNG to write")
    one.add_argument("run", type=Path, help="folder of a decoder's run")
    one.add_argument("--subject", type=int, help="default: the decoder's own")
    one.add_argument("--repetition", type=int, help="default: the first for testing, or of all")
    one.add_argument("--dir", help="folder of the data, if it has moved since the run")
    one.set_defaults(draw=_sheet)
    several = kinds.add_parser("curves", help="learning curves of FINs")
    several.add_argument("out", type=Path, help="the PNG to write")
    several.add_argument("runs", type=Path, nargs="+", help="folders of runs")
    several.add_argument("--part", choices=TITLES, default="unseen", help="whose R² (default: unseen)")
    several.set_defaults(draw=_curves)
    for kind in (one, several):
        add_debug_option(kind)
    options = parser.parse_args(arguments)
    try:
        refuse_url(options.out, option="OUT.png")
        options.draw(options)
    except FinjaxError as error:
        return print_error(error, debug=options.debug)
    return 0


if __name__ == "__main__":
    sys.exit(main())
