"""Describes the recordings in a folder, or writes synthetic recordings.

    finjax data inspect --name=ninapro_db2 --dir=FOLDER [--window=300ms] [--step=10ms]
    finjax data write --dir=FOLDER [--subjects=1-3] [--seed=0]

Exit status: 0 all is well; 1 some subjects cannot be read, the files are of another dataset, or there is no window;
2 the command is wrong.
"""

import argparse
import sys

import numpy as np

from finjax.data import bids, durations, inspection, loading, ninapro, registry, synthetic, three_dc, windows, xdf
from finjax.data.number_lists import parse_numbers
from finjax.errors import DataError, add_debug_option, print_error
from finjax.system.console import any_terminal
from finjax.system.files import expanded
from finjax.system.paths import refuse_url
from finjax.system.plugins import load_plugins

BUILT_IN = (
    *ninapro.SPECS,
    three_dc.SPEC,
    bids.DATASET,
    xdf.DATASET,
)  # importing these modules registers their datasets


@any_terminal()
def main(arguments: list[str] | None = None, *, prog: str = "python -m finjax.data") -> int:
    """Runs the command line; returns the exit status."""
    options = _parser(prog).parse_args(arguments)
    return options.run(options)


def _write(options: argparse.Namespace) -> int:
    """Writes synthetic recordings as files of Ninapro DB2."""
    folder = expanded(options.dir)
    try:
        refuse_url(options.dir, option="--dir")
        folder.mkdir(parents=True, exist_ok=True)
        for subject in parse_numbers(options.subjects):
            path = folder / f"S{subject}_E1_A1.mat"
            settings = synthetic.Settings(subjects=subject, seed=options.seed)
            ninapro.write_mat(synthetic.generate(subject, settings), path)
            print(path)
    except (ValueError, OSError) as error:
        print_error(error, debug=options.debug)
        return 2
    return 0


def _inspect(options: argparse.Namespace) -> int:
    """Describes the recordings in a folder."""
    if options.name == synthetic.NAME:
        print("The synthetic dataset is generated when it is used: it has no files to inspect.")
        return 0
    try:
        refuse_url(options.dir, option="--dir")
        refuse_url(options.cache_dir or "", option="--cache_dir")
        load_plugins(options.plugins, option=_option)
        spec = registry.get_spec(options.name, options.dir, option=_option)
        lengths: dict[str, int] = {}
        remarks: list[str] = []
        unreadable: list[str] = []
        for field in ("window", "step"):
            lengths[field] = durations.to_samples(getattr(options, field), spec.rate_hz, option=f"--{field}")
            remarks.append(durations.describe_rounding(getattr(options, field), spec.rate_hz, option=f"--{field}"))
        framing = windows.Framing(length=lengths["window"], step=lengths["step"])
        recordings, bad = loading.try_recordings(
            spec,
            options.dir,
            subjects=parse_numbers(options.subjects) or None,
            cache_dir=options.cache_dir,
            unreadable=unreadable,
            option=_option,
        )
    except (ValueError, OSError) as error:
        print_error(error, debug=options.debug)
        return 2
    print(inspection.report(spec, recordings, bad, framing=framing, remarks=remarks, unreadable=unreadable))
    segments = [recording.segments() for recording in recordings]
    if recordings and not sum(windows.count_windows(table, framing).sum() for table in segments):
        longest = max(np.diff(table[:, :2]).max(initial=0) for table in segments)
        error = DataError(
            f"no window fits: the longest segment has {longest} samples, but a window {framing.length}. "
            f"Use a shorter --window, or check whether the files are of {spec.name}"
        )
        return print_error(error, debug=options.debug)
    try:
        loading.refuse_lookalikes(spec, options.dir, recordings, cache_dir=options.cache_dir, option=_option)
    except DataError as error:
        return print_error(error, debug=options.debug)
    return 1 if bad or unreadable else 0


def _option(field: str) -> str:
    """Returns the option of this program for a field of a configuration: `--dir` for `data.dir`."""
    return f"--{field.removeprefix('data.')}"


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=prog, description="Describes recordings on disk.")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("write", help="write synthetic recordings as files of Ninapro DB2")
    command.set_defaults(run=_write)
    command.add_argument("--dir", required=True, help="folder to write to")
    command.add_argument("--subjects", default="1-3", help="numbers of the subjects, such as 1-3,5 (default: 1-3)")
    command.add_argument("--seed", type=int, default=0, help="seed of the generator (default: 0)")
    command = commands.add_parser("inspect", help="describe the recordings in a folder")
    command.set_defaults(run=_inspect)
    names = ", ".join(sorted(spec.name for spec in BUILT_IN))
    command.add_argument("--name", required=True, help=f"the dataset: {names}")
    command.add_argument("--dir", default="", help="folder with its files, at any depth")
    command.add_argument("--subjects", default="", help="only these subjects, such as 1-3,5")
    command.add_argument("--window", default="300ms", help="length of a window (default: 300ms)")
    command.add_argument("--step", default="10ms", help="time from one window to the next (default: 10ms)")
    command.add_argument("--plugins", default="", help="modules that register your own datasets")
    command.add_argument("--cache_dir", default=None, help="folder of the cache of recordings")
    for command in commands.choices.values():
        add_debug_option(command)
    return parser


if __name__ == "__main__":
    sys.exit(main())
