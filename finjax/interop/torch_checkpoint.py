"""Imports checkpoints of the published PyTorch code, state dicts of its FIN or its CNN, as finjax runs.

    finjax import-torch FIN.pth runs/fin_ssi_torch --target=ssi
    finjax import-torch CNN.pth runs/cnn_torch --features=rms,var,ssi,ent

The run can be loaded (`finjax.load`) and tuned (`--config.fine_tune.fins`, `--config.fine_tune.cnn_init`).
The import reads the file's tensors and never runs code from it. The file contains only weights: give dataset, window,
features and their standardisation as options.
"""

import argparse
import dataclasses
import sys
from pathlib import Path

from finjax.configs.default import PAPER_FEATURES
from finjax.errors import FinjaxError, add_debug_option, print_error
from finjax.interop.model_description import ModelDescription
from finjax.interop.torch_import import import_checkpoint
from finjax.system.console import any_terminal


@any_terminal()
def main(arguments: list[str] | None = None, *, prog: str = "python -m finjax.interop.torch_checkpoint") -> int:
    """Runs the command line; returns the exit status."""
    options = _parser(prog).parse_args(arguments)
    try:
        description = ModelDescription(
            **{field.name: getattr(options, field.name) for field in dataclasses.fields(ModelDescription)}
        )
        network = import_checkpoint(options.file, options.out, description)
    except (FinjaxError, OSError) as error:
        return print_error(error, debug=options.debug)
    if not description.trained_on:
        print(
            "warning: the file does not say which subjects the model was trained on, so finjax cannot refuse to test "
            "it on them: if you know the subjects, give --trained_on",
            file=sys.stderr,
        )
    read = ("hidden", "layers", "filters", "kernel", "shadows")
    settings = ", ".join(f"{name} {network.fields[name]}" for name in read if name in network.fields)
    print(f"wrote {options.out}: {network.kind.upper()} with {settings}")
    return 0


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=prog,
        description=(__doc__ or "").partition("\n")[0],
        epilog="Without the --mean and --std of the training, the output of a FIN stays standardised, and a CNN gets "
        "features that are not standardised.",
    )
    parser.add_argument("file", type=Path, help="the PyTorch checkpoint")
    parser.add_argument("out", type=Path, help="the folder to write, such as runs/fin_ssi_torch")
    for option, text in (
        ("dataset", "the training data: gives rate, channels, movements and split (default: %(default)s)"),
        ("target", "the feature that a FIN imitates, such as ssi; required for a FIN"),
        ("features", f"the features that a CNN takes, in this order (default: {PAPER_FEATURES})"),
        ("window", "window length, as 300ms, or in samples (default: %(default)s)"),
        ("step", "time from one window to the next, likewise (default: %(default)s)"),
        ("prediction", "window steps that the model predicts ahead (default: %(default)s)"),
        ("mean", "mean of the feature over the training windows; for a CNN, of each feature (default: 0)"),
        ("std", "standard deviation, likewise (default: 1)"),
        ("limit_sd", "standard deviations to which z-scored samples were limited (default: 0, no limit)"),
        ("trained_on", "subjects that the model was trained on, such as 1-25 (default: unknown)"),
        ("plugins", "modules to import first, with your own datasets and features"),
    ):
        default = getattr(ModelDescription, option)
        parser.add_argument(f"--{option}", type=type(default), default=default, help=text)
    add_debug_option(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
