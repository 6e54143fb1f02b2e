"""Restores trained models from their checkpoints, for use from any script."""

import logging
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from finjax.configs.parsing import restore
from finjax.configs.templates import complete
from finjax.data.normalise import UNLABELLED, FeatureNormaliser, SignalNormaliser
from finjax.data.source import dataset_names
from finjax.data.splits import Split
from finjax.data.windows import Framing
from finjax.devices.defaults import with_defaults
from finjax.errors import CheckpointError
from finjax.features import feature_names
from finjax.inference.model import DecoderModel, FINModel
from finjax.inference.shipped import is_shipped, load_shipped
from finjax.system.paths import refuse_url
from finjax.system.plugins import try_plugins
from finjax.training.checkpoints import SavedModel, read_model

ModelT = TypeVar("ModelT", FINModel, DecoderModel)
logger = logging.getLogger(__name__)


@with_defaults
def load(path: str | Path, *, step: int | str = "latest") -> FINModel | DecoderModel:
    """Restores a trained model from the folder of its run.

    Args:
        path: working directory of the run, such as `runs/fin_ssi` or `runs/fine_tune/subject_1`; or a FIN that ships
            with finjax, such as `shipped:300/logstd`, see `finjax.inference.shipped`.
        step: a training step, `"latest"`, or `"best"` by validation loss, or by training loss if nothing
            was validated.

    Raises:
        CheckpointError: there is no usable model.
        ConfigError: the path is a URL.
    """
    if is_shipped(path):
        return load_shipped(path)
    refuse_url(path)
    saved = read_model(path, step=int(step) if isinstance(step, str) and step.isdecimal() else step)
    try:
        model = _fin_model(saved) if saved.info["kind"] == "fin" else _decoder_model(saved)
    except (KeyError, TypeError) as error:
        raise CheckpointError(f"the checkpoint of step {saved.step} in {path} lacks {error}") from error
    load_plugins_of(model, path)
    return model


def load_plugins_of(model: FINModel | DecoderModel, path: str | Path) -> None:
    """Imports the plugins that a model names, if its dataset or one of its features is not registered yet.

    Otherwise it imports nothing that a checkpoint names, because a stranger may have made it. The network itself needs
    no plugin, so a failed import is a warning; an error follows when the dataset or the closed-form feature is used.
    """
    faults = try_plugins(model.config.plugins) if _unregistered(model) else []
    if faults and (missing := _unregistered(model)):
        logger.warning(
            "the model in %s cannot use its %s: %s",
            path,
            " or ".join(missing),
            " ".join("; ".join(faults).split()),  # on one line; a plugin's error may have several
        )


def _unregistered(model: FINModel | DecoderModel) -> list[str]:
    """Returns the dataset and features of a model that are not registered, for messages."""
    features = (model.target,) if isinstance(model, FINModel) else model.features
    missing = [f"dataset {model.dataset}"] if model.dataset not in dataset_names() else []
    return missing + [f"feature {name}" for name in features if name not in feature_names()]


def load_fin(path: str | Path, *, step: int | str = "latest") -> FINModel:
    """Restores a FIN as `load` does; raises `CheckpointError` if the checkpoint holds a decoder."""
    return _of_kind(path, step, FINModel, "a FIN")


def load_decoder(path: str | Path, *, step: int | str = "latest") -> DecoderModel:
    """Restores a decoder as `load` does; raises `CheckpointError` if the checkpoint holds a FIN."""
    return _of_kind(path, step, DecoderModel, "a decoder of movements")


def _of_kind(path: str | Path, step: int | str, kind: type[ModelT], name: str) -> ModelT:
    model = load(path, step=step)
    if not isinstance(model, kind):
        other = f"the FIN of {model.target}" if isinstance(model, FINModel) else f"a decoder ({model.kind})"
        raise CheckpointError(f"{path} holds {other}, not {name}: give the folder of {name}")
    return model


def _common(saved: SavedModel) -> dict[str, Any]:
    """Returns the fields of `Model`."""
    info = saved.info
    signal = SignalNormaliser(**saved.normalisers["signal"])
    # Older checkpoints do not record it: their statistics are of all samples outside the test repetitions.
    sources = info.get("statistics_from", {s: UNLABELLED for s in np.asarray(signal.subjects).tolist() if s >= 0})
    return {
        "params": saved.params,
        "config": restore(complete(info["config"])),
        "step": saved.step,
        "framing": Framing(**info["framing"]),
        "rate_hz": info["rate_hz"],
        "dataset": info["dataset"],
        "unit": info.get("unit", ""),  # older checkpoints do not record it
        "split": Split(**{field: tuple(numbers) for field, numbers in info["split"].items()}),
        "signal": signal,
        "feature": FeatureNormaliser(**saved.normalisers["feature"]),
        "trained_on": {int(subject): tuple(numbers) for subject, numbers in info["trained_on"].items()},
        "statistics_from": {int(subject): source for subject, source in sources.items()},
    }


def _fin_model(saved: SavedModel) -> FINModel:
    return FINModel(**_common(saved), target=saved.info["target"])


def _decoder_model(saved: SavedModel) -> DecoderModel:
    info = saved.info
    return DecoderModel(
        **_common(saved),
        kind=info["kind"],
        stats=saved.stats,
        features=tuple(info["features"]),
        channel_names=tuple(info["channel_names"]),
        movement_names=tuple(info["movement_names"]),
        subjects=tuple(info["subjects"]),
    )
