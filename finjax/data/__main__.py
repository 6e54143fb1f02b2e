"""Shows what a folder of recordings holds.

    python -m finjax.data inspect --name=ninapro_db2 --dir=FOLDER [--window=300ms] [--step=10ms]

Exit status: 0 all is well, 1 some subjects cannot be read, 2 the command itself cannot be followed.
"""

import argparse
import sys

from finjax.data import inspect, loading, ninapro, registry, three_dc, windows
from finjax.data.numbers import parse_numbers

BUILT_IN = (*ninapro.SPECS, three_dc.SPEC)  # importing them is what registers them
SYNTHETIC = "synthetic"


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    if options.name == SYNTHETIC:
        print("The synthetic dataset is generated when it is used: it has no files to inspect.")
        return 0
    try:
        spec = registry.get_spec(options.name)
        frame = {
            "length": windows.to_samples(options.window, spec.rate_hz, name="window"),
            "step": windows.to_samples(options.step, spec.rate_hz, name="step"),
        }
        recordings, bad = loading.try_recordings(
            spec,
            options.dir,
            subjects=parse_numbers(options.subjects) or None,
            cache_dir=options.cache_dir,
        )
    except (ValueError, OSError) as error:
        # The messages speak of the training program's options; here they go by their bare names.
        message = str(error).replace("--config.data.", "--").replace("--config.", "--")
        print(f"error: {message}", file=sys.stderr)
        return 2
    print(inspect.report(spec, recordings, bad, **frame))
    return 1 if bad else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m finjax.data", description="Looks at recordings on disk.")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("inspect", help="count what a folder of recordings holds")
    names = ", ".join(sorted(spec.name for spec in BUILT_IN))
    command.add_argument("--name", required=True, help=f"the dataset: {names}")
    command.add_argument("--dir", default="", help="folder that holds its files, at any depth")
    command.add_argument("--subjects", default="", help="only these, such as 1-3,5")
    command.add_argument("--window", default="300ms", help="length of a window (default: 300ms)")
    command.add_argument("--step", default="10ms", help="from one window to the next (default: 10ms)")
    command.add_argument("--cache_dir", default=None, help="where finished recordings are kept")
    return parser


if __name__ == "__main__":
    sys.exit(main())
