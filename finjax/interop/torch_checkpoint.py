"""Imports the published PyTorch code's checkpoints, state dicts of its FIN or its CNN, as finjax runs.

    python -m finjax.interop.torch_checkpoint FIN.pth runs/fin_ssi_torch --target=ssi
    python -m finjax.interop.torch_checkpoint CNN.pth runs/cnn_torch --features=rms,var,ssi,ent

What is written can be loaded (`finjax.load`) and tuned (`--config.fine_tune.fins`, `--config.fine_tune.cnn_init`).
The file's tensors are read, and no code that it may hold is run. It says nothing of what surrounds the weights;
options do: dataset, window, features and their standardisation.
"""

import argparse
import dataclasses
import math
import sys
from pathlib import Path

import numpy as np

from finjax.data import source, synthetic  # noqa: F401  (source registers the datasets)
from finjax.data.normalise import FeatureNormaliser, SignalNormaliser
from finjax.data.number_lists import parse_numbers
from finjax.data.registry import DatasetSpec, Filter, get_spec
from finjax.data.splits import resolve_split
from finjax.data.windows import Framing, to_samples
from finjax.devices.defaults import with_defaults
from finjax.errors import CheckpointError, ConfigError, FinjaxError, add_debug_option, report
from finjax.features import feature_names
from finjax.interop.torch_weights import Network, convert, read_state_dict
from finjax.system.console import any_terminal
from finjax.system.files import expanded
from finjax.system.paths import refuse_url
from finjax.system.plugins import load_plugins
from finjax.training.checkpoints import Checkpoints, has_checkpoint
from finjax.training.logs import record_run
from finjax.training.optimiser import Group, Optimiser
from finjax.training.progress import Progress
from finjax.training.step import create_state

PAPER_FEATURES = "rms,var,ssi,ent"
NOBODY = -1  # a subject number that no recording has


@dataclasses.dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What a torch file does not say of its model; lists are text, as in a configuration.

    Attributes:
        dataset: name of a registered dataset, or `"synthetic"`: gives rate, channels, movements and split.
        target: the feature that a FIN imitates.
        features: those that a CNN takes, in its order; empty: the paper's.
        window: window length, as `"300ms"` or in samples.
        step: from one window to the next, likewise.
        prediction: steps that the model predicts ahead.
        mean: of each feature over the training windows; empty: 0.
        std: likewise, its standard deviation; empty: 1.
        limit_sd: standard deviations at which z-scored samples were held; 0: not at all.
        trained_on: subjects it was trained on; empty: unknown.
        plugins: modules that register the dataset and features; they are imported first, and whenever it is loaded.
    """

    dataset: str = "ninapro_db2"
    target: str = ""
    features: str = ""
    window: str = "300ms"
    step: str = "10ms"
    prediction: int = 0
    mean: str = ""
    std: str = ""
    limit_sd: float = 0.0
    trained_on: str = ""
    plugins: str = ""


@with_defaults
def import_checkpoint(path: str | Path, workdir: str | Path, around: Surroundings) -> Network:
    """Writes a torch checkpoint as a run, and returns its network.

    Whom the model was trained on is not in the file. Unless `around` names them, the run says that it was nobody,
    and finjax cannot refuse to test the model on what it knows.

    Raises:
        FinjaxError: the file cannot be read, holds neither network, or does not fit what surrounds it, torch is
            missing, or `workdir` holds a run.
    """
    refuse_url(path, option="FILE")
    refuse_url(workdir, option="OUT")
    load_plugins(around.plugins)
    workdir = expanded(workdir)
    if has_checkpoint(workdir):
        raise CheckpointError(f"{workdir} holds a run already: choose another folder, or remove that one")
    try:
        network = convert(read_state_dict(path))
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from error
    spec, features = _spec(around.dataset), _features(network, around)
    _refuse_unfit(network, spec, features)
    info = _describe(network, around, spec, features)
    # A checkpoint holds an optimiser's state, though no training goes on from this one.
    state = create_state(network.params, network.stats, Optimiser(groups=(Group(learning_rate=0.0),)))
    normalisers = {
        "signal": vars(_know_nobody(channels=len(spec.channel_names), limit_sd=around.limit_sd)),
        "feature": vars(_standardisation(network, around, count=len(features))),
    }
    record_run(workdir / "config.json", info["config"], resumed=False)
    with Checkpoints(workdir) as checkpoints:
        checkpoints.save(
            state, normalisers=normalisers, info=info, progress=dataclasses.asdict(Progress()), loss=math.inf
        )
    return network


def _spec(name: str) -> DatasetSpec:
    """Returns what a dataset is; the synthetic one is generated, not registered."""
    if name != synthetic.NAME:
        return get_spec(name)
    return DatasetSpec(
        name=name,
        rate_hz=synthetic.RATE_HZ,
        channel_names=synthetic.CHANNEL_NAMES,
        movement_names=synthetic.MOVEMENT_NAMES,
        files=(),
        read=lambda paths: (),
        splits=synthetic.SPLITS,
    )


def _features(network: Network, around: Surroundings) -> tuple[str, ...]:
    """Returns the feature of a FIN or those of a CNN.

    Raises:
        ConfigError: none for a FIN, an unknown or a repeated one, or the option of the other network.
    """
    if network.kind == "fin":
        option, text, other = "target", around.target, around.features
        if not text:
            raise ConfigError("the file holds a FIN: say which feature it imitates, as --target=ssi")
    else:
        option, text, other = "features", around.features or PAPER_FEATURES, around.target
    if other:
        raise ConfigError(f"the file holds a {network.kind.upper()}: describe it by --{option} alone")
    names = _items(text)
    if unknown := [name for name in names if name not in feature_names()]:
        raise ConfigError(f"--{option}={text}: unknown {', '.join(unknown)}; known are {', '.join(feature_names())}")
    if len(set(names)) < len(names) or (option == "target" and len(names) > 1):
        raise ConfigError(f"--{option}={text}: give {'one feature' if option == 'target' else 'each feature once'}")
    return names


def _refuse_unfit(network: Network, spec: DatasetSpec, features: tuple[str, ...]) -> None:
    """Raises `CheckpointError` where a CNN is not made for a dataset and features."""
    there = {
        "movements": (len(spec.movement_names), f"dataset {spec.name} has"),
        "channels": (len(spec.channel_names), f"dataset {spec.name} has"),
        "features": (len(features), f"--features={','.join(features)} names"),
    }
    for what, has in network.made_for.items():
        wants, whose = there[what]
        if has != wants:
            raise CheckpointError(f"the CNN is made for {has} {what}, and {whose} {wants}")


def _describe(network: Network, around: Surroundings, spec: DatasetSpec, features: tuple[str, ...]) -> dict:
    """Returns what the checkpoint says of its model, JSON.

    Raises:
        ConfigError: a length is no duration or less than a sample, or a number is negative.
    """
    for field in ("prediction", "limit_sd"):
        if not 0 <= getattr(around, field) < math.inf:
            raise ConfigError(f"--{field}={getattr(around, field)}: give a number of 0 or more")
    framing = Framing(
        length=to_samples(around.window, spec.rate_hz, option="--window"),
        step=to_samples(around.step, spec.rate_hz, option="--step"),
        horizon=around.prediction,
    )
    trained_on = parse_numbers(around.trained_on)
    named = parse_numbers(spec.splits.seen_subjects) + parse_numbers(spec.splits.unseen_subjects)
    split = resolve_split(spec.splits, named)
    # What it may have been fitted to: a FIN does not see the repetitions that tune.
    tune = () if network.kind == "fin" else split.seen_tune_repetitions + split.unseen_tune_repetitions
    repetitions = sorted({*split.train_repetitions, *tune})
    info = {
        "kind": network.kind,
        "framing": dataclasses.asdict(framing),
        "rate_hz": spec.rate_hz,
        "dataset": spec.name,
        "split": dataclasses.asdict(split),
        "trained_on": {str(subject): repetitions for subject in trained_on},
        "config": _config(network, around, features),
    }
    if network.kind == "fin":
        return {**info, "target": features[0]}
    names = {"channel_names": spec.channel_names, "movement_names": spec.movement_names}
    return {**info, **names, "features": features, "subjects": trained_on}


def _config(network: Network, around: Surroundings, features: tuple[str, ...]) -> dict:
    """Returns the configuration, as far as it is known; `finjax.configs.templates` completes it where it is read."""
    fin = network.kind == "fin"
    own_filter = {edge.name: None for edge in dataclasses.fields(Filter)}  # the dataset's
    return {
        "stage": network.kind,
        **({"target": features[0]} if fin else {"features": ",".join(features)}),
        "prediction": (around.prediction,),
        "window": around.window,
        "step": around.step,
        "limit_sd": around.limit_sd,
        "plugins": around.plugins,
        "data": {"name": around.dataset, "filter": own_filter},
        ("model" if fin else "cnn"): network.fields,
    }


def _know_nobody(*, channels: int, limit_sd: float) -> SignalNormaliser:
    """Returns the z-score of no subject; orbax stores no empty array, so it has the row of one that there is not."""
    return SignalNormaliser(
        subjects=np.array([NOBODY], np.int32),
        mean=np.zeros((1, channels), np.float32),
        std=np.ones((1, channels), np.float32),
        limit=np.float32(limit_sd or np.inf),
    )


def _standardisation(network: Network, around: Surroundings, *, count: int) -> FeatureNormaliser:
    """Returns the standardisation of the features: scalars of a FIN, `[F]` of a CNN.

    Raises:
        ConfigError: too few numbers or too many, or a deviation that is not above 0.
    """
    numbers = {}
    for field, default in (("mean", 0.0), ("std", 1.0)):
        text = getattr(around, field)
        try:
            values = np.array(_items(text) or (default,) * count, np.float32)
        except ValueError:
            values = np.array([])
        if len(values) != count or not np.isfinite(values).all() or (field == "std" and values.min() <= 0):
            allowed = f"{count} number{'s' * (count > 1)}{' above 0' * (field == 'std')}"
            raise ConfigError(f"--{field}={text}: give {allowed}, for {count} feature{'s' * (count > 1)}")
        numbers[field] = values[0] if network.kind == "fin" else values
    return FeatureNormaliser(**numbers)


# --- The command line -----------------------------------------------------------------------------


@any_terminal()
def main(arguments: list[str] | None = None, *, prog: str = "python -m finjax.interop.torch_checkpoint") -> int:
    """Runs the command line; returns the exit status."""
    options = _parser(prog).parse_args(arguments)
    try:
        around = Surroundings(
            **{field.name: getattr(options, field.name) for field in dataclasses.fields(Surroundings)}
        )
        network = import_checkpoint(options.file, options.out, around)
    except (FinjaxError, OSError) as error:
        # Some messages speak of the training program's options; here they go by their bare names.
        return report(error, debug=options.debug, message=str(error).replace("--config.", "--"))
    if not around.trained_on:
        print(
            "warning: finjax cannot know whom the imported model was trained on, and cannot refuse to test it on "
            "them: if you know, say so with --trained_on",
            file=sys.stderr,
        )
    read = ("hidden", "layers", "filters", "kernel", "shadows")
    settings = ", ".join(f"{name} {network.fields[name]}" for name in read if name in network.fields)
    print(f"wrote {options.out}: {network.kind.upper()} with {settings}")
    return 0


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=prog,
        description=__doc__.splitlines()[0],
        epilog="Without the --mean and --std of the training, what a FIN gives stays standardised, and a CNN takes "
        "features as they are.",
    )
    parser.add_argument("file", type=Path, help="the PyTorch checkpoint")
    parser.add_argument("out", type=Path, help="the folder to write, such as runs/fin_ssi_torch")
    for option, text in (
        ("dataset", "what it was trained on: gives rate, channels, movements and split (default: %(default)s)"),
        ("target", "the feature that a FIN imitates, as ssi; a FIN needs it"),
        ("features", f"those that a CNN takes, in its order (default: {PAPER_FEATURES})"),
        ("window", "window length, as 300ms, or in samples (default: %(default)s)"),
        ("step", "from one window to the next, likewise (default: %(default)s)"),
        ("prediction", "steps that it predicts ahead (default: %(default)s)"),
        ("mean", "of the feature over the training windows; of a CNN, of each of them (default: 0)"),
        ("std", "likewise, the standard deviation (default: 1)"),
        ("limit_sd", "standard deviations at which z-scored samples were held (default: 0, not at all)"),
        ("trained_on", "subjects it was trained on, as 1-25 (default: unknown)"),
        ("plugins", "modules to import first, with your own datasets and features"),
    ):
        default = getattr(Surroundings, option)
        parser.add_argument(f"--{option}", type=type(default), default=default, help=text)
    add_debug_option(parser)
    return parser


def _items(text: str) -> tuple[str, ...]:
    return tuple(item.strip() for item in text.split(",")) if text.strip() else ()


if __name__ == "__main__":
    sys.exit(main())
