"""The facts about an imported model that a torch file does not contain, and the checkpoint's record of them."""

import dataclasses
import math

from finjax.configs.default import PAPER_FEATURES
from finjax.data import (
    source,  # noqa: F401  (it registers the datasets)
    synthetic,
)
from finjax.data.durations import to_samples
from finjax.data.number_lists import parse_numbers
from finjax.data.registry import DatasetSpec, Filter, FolderDataset, get_dataset, get_spec
from finjax.data.splits import resolve_split
from finjax.data.windows import Framing
from finjax.errors import CheckpointError, ConfigError
from finjax.features import feature_names
from finjax.interop.torch_weights import Network


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelDescription:
    """The facts about a model that its torch file does not contain; lists are text, as in a configuration.

    Attributes:
        dataset: name of a registered dataset, or `"synthetic"`: gives rate, channels, movements and split.
        target: the feature that a FIN imitates.
        features: the features that a CNN takes, in this order; empty: those of the paper.
        window: window length, as `"300ms"` or in samples.
        step: time from one window to the next, likewise.
        prediction: window steps that the model predicts ahead.
        mean: mean of each feature over the training windows; empty: 0.
        std: standard deviation of each feature over the training windows; empty: 1.
        limit_sd: standard deviations to which z-scored samples were limited; 0: no limit.
        trained_on: subjects that the model was trained on; empty: unknown.
        plugins: modules that register the dataset and the features; they are imported first, and each time the model
            is loaded.
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


def own_option(field: str) -> str:
    """Returns the option of the import for a field of a configuration: without the prefix of the training program."""
    return f"--{field}"


def dataset_spec(name: str) -> DatasetSpec:
    """Returns the specification of a dataset; the synthetic one is generated, not registered."""
    if name != synthetic.NAME:
        if isinstance(get_dataset(name, option=own_option), FolderDataset):
            raise ConfigError(f"--dataset={name}: its folder gives rate and channels; give a dataset with fixed ones")
        return get_spec(name, option=own_option)
    return DatasetSpec(
        name=name,
        rate_hz=synthetic.RATE_HZ,
        channel_names=synthetic.CHANNEL_NAMES,
        movement_names=synthetic.MOVEMENT_NAMES,
        files=(),
        read=lambda paths: (),
        splits=synthetic.SPLITS,
        unit=synthetic.UNIT,
    )


def features_of(network: Network, description: ModelDescription) -> tuple[str, ...]:
    """Returns the feature of a FIN or those of a CNN.

    Raises:
        ConfigError: a FIN has no target, a feature is unknown or repeated, or the option belongs to the other network.
    """
    if network.kind == "fin":
        option, text, other = "target", description.target, description.features
        if not text:
            raise ConfigError("the file holds a FIN: give the feature that it imitates, such as --target=ssi")
    else:
        option, text, other = "features", description.features or PAPER_FEATURES, description.target
    if other:
        raise ConfigError(f"the file holds a {network.kind.upper()}: give --{option} only")
    names = items_of(text)
    if unknown := [name for name in names if name not in feature_names()]:
        raise ConfigError(f"--{option}={text}: unknown {', '.join(unknown)}; choose from {', '.join(feature_names())}")
    if len(set(names)) < len(names) or (option == "target" and len(names) > 1):
        raise ConfigError(f"--{option}={text}: give {'one feature' if option == 'target' else 'each feature once'}")
    return names


def refuse_misfit(network: Network, spec: DatasetSpec, features: tuple[str, ...]) -> None:
    """Raises `CheckpointError` if a CNN does not fit the dataset and the features."""
    described = {
        "movements": (len(spec.movement_names), f"dataset {spec.name} has"),
        "channels": (len(spec.channel_names), f"dataset {spec.name} has"),
        "features": (len(features), f"--features={','.join(features)} gives"),
    }
    for what, count in network.made_for.items():
        given, source_of_count = described[what]
        if count != given:
            raise CheckpointError(f"the CNN is made for {count} {what}, but {source_of_count} {given}")


def checkpoint_info(
    network: Network, description: ModelDescription, spec: DatasetSpec, features: tuple[str, ...]
) -> dict:
    """Returns what the checkpoint records about its model, as JSON.

    Raises:
        ConfigError: a duration is not valid or shorter than a sample, or a number is negative.
    """
    for field in ("prediction", "limit_sd"):
        if not 0 <= getattr(description, field) < math.inf:
            raise ConfigError(f"--{field}={getattr(description, field)}: give a number of at least 0")
    framing = Framing(
        length=to_samples(description.window, spec.rate_hz, option="--window"),
        step=to_samples(description.step, spec.rate_hz, option="--step"),
        horizon=description.prediction,
    )
    trained_on = parse_numbers(description.trained_on)
    named = parse_numbers(spec.splits.seen_subjects) + parse_numbers(spec.splits.unseen_subjects)
    split = resolve_split(spec.splits, named)
    # The repetitions that the model may have been fitted to: a FIN is not fitted to those for tuning.
    tune = () if network.kind == "fin" else split.seen_tune_repetitions + split.unseen_tune_repetitions
    repetitions = sorted({*split.train_repetitions, *tune})
    info = {
        "kind": network.kind,
        "framing": dataclasses.asdict(framing),
        "rate_hz": spec.rate_hz,
        "dataset": spec.name,
        "unit": spec.unit,
        "split": dataclasses.asdict(split),
        "trained_on": {str(subject): repetitions for subject in trained_on},
        "config": _config(network, description, features),
    }
    if network.kind == "fin":
        return {**info, "target": features[0]}
    names = {"channel_names": spec.channel_names, "movement_names": spec.movement_names}
    return {**info, **names, "features": features, "subjects": trained_on}


def _config(network: Network, description: ModelDescription, features: tuple[str, ...]) -> dict:
    """Returns the known part of the configuration; `finjax.configs.templates` completes it when it is read."""
    fin = network.kind == "fin"
    own_filter = {edge.name: None for edge in dataclasses.fields(Filter)}  # None: that of the dataset
    return {
        "stage": network.kind,
        **({"target": features[0]} if fin else {"features": ",".join(features)}),
        "prediction": (description.prediction,),
        "window": description.window,
        "step": description.step,
        "limit_sd": description.limit_sd,
        "plugins": description.plugins,
        "data": {"name": description.dataset, "filter": own_filter},
        ("model" if fin else "cnn"): network.fields,
    }


def items_of(text: str) -> tuple[str, ...]:
    """Returns the items of a comma-separated text."""
    return tuple(item.strip() for item in text.split(",")) if text.strip() else ()
