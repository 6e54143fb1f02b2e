"""The command `finjax`: one program with a subcommand for each task."""

import argparse
import importlib
import sys
from collections.abc import Sequence

from finjax.version import __version__

# Programs with their own options: what each does, and its module, which has `main(arguments)`.
PROGRAMS = {
    "data": ("look at recordings, or write synthetic ones", "finjax.data.__main__"),
    "record": ("record a person who is led through movements", "finjax.acquisition.__main__"),
    "fit": ("fit a decoder to your recordings, and say how good it is", "finjax.fit.__main__"),
    "live": ("decode a stream of samples", "finjax.commands.live"),
    "export": ("write a trained model to one file", "finjax.inference.export"),
    "plots": ("draw figures of runs", "finjax.plots.__main__"),
    "import-torch": ("import a checkpoint of the published PyTorch code", "finjax.interop.torch_checkpoint"),
}
# Trainings, each with its configuration if no --config is given.
TRAININGS = {
    "train": ("train and evaluate the configuration of --config", ""),
    "evaluate": ("evaluate a trained configuration again", ""),
    "fin": ("stage 1: train FINs on a feature", "fin"),
    "cnn": ("stage 2: train a CNN on closed-form features", "cnn"),
    "fine-tune": ("stage 3: tune FINs and CNN together", "fine_tune"),
    "raw-cnn": ("train the end-to-end baseline", "raw_cnn"),
    "classical": ("fit LDA, RDA or SVM on hand-made features", "classical"),
    "study": ("run a study, and write its report", "study"),
}
EXAMPLES = """
examples:
  finjax fin --config=fin_ssi                   train a FIN on synthetic data
  finjax cnn --config.data.name=three_dc --config.data.dir=FOLDER
  finjax train --config=my_config.py            a configuration of your own
  finjax record --source=brainflow:synthetic --movements=rest,fist,open FOLDER
  finjax fit my_data                            a decoder from your own recordings
  finjax live                                   decode a synthetic person
  finjax live --help                            the options of one command
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit status."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    parser = _parser()
    options = parser.parse_args(arguments[:1])
    if options.command is None:
        parser.print_help()
        return 0
    rest = arguments[1:]
    if "" not in sys.path and not sys.flags.safe_path:
        sys.path.append("")  # the current folder, for --config.plugins: at the end, so that it hides no package
    if options.command in PROGRAMS:
        module = importlib.import_module(PROGRAMS[options.command][1])  # imports only this program
        return module.main(rest, prog=f"finjax {options.command}")
    _train(options.command, rest)
    return 0


def _train(command: str, rest: list[str]) -> None:
    from finjax.commands import explain, train  # which import JAX

    config = TRAININGS[command][1]
    if config and not explain.config_in(rest):
        rest = [f"--config={train.CONFIGS / config}.py", *rest]  # not a file `cnn` of the current folder
    if command == "evaluate":
        rest = [*rest, "--mode=evaluate"]
    train.start([f"finjax {command}", *rest], stage=config)


def _parser() -> argparse.ArgumentParser:
    commands = {**TRAININGS, **PROGRAMS}
    width = max(map(len, commands))
    listed = "\n".join(f"  {name:{width}}  {what}" for name, (what, _) in commands.items())
    parser = argparse.ArgumentParser(
        prog="finjax",
        usage="finjax COMMAND [options]",
        description=f"Decodes hand movements from surface EMG.\n\ncommands:\n{listed}",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"finjax {__version__}")
    parser.add_argument("command", nargs="?", choices=tuple(commands), metavar="COMMAND", help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
