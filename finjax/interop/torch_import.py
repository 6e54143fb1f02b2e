"""Writes the networks of the published PyTorch code as finjax runs."""

from pathlib import Path

import numpy as np

from finjax.data.normalise import FeatureNormaliser, SignalNormaliser
from finjax.devices.defaults import with_defaults
from finjax.errors import CheckpointError, ConfigError
from finjax.interop.model_description import (
    ModelDescription,
    checkpoint_info,
    dataset_spec,
    features_of,
    items_of,
    own_option,
    refuse_misfit,
)
from finjax.interop.torch_weights import Network, convert, read_state_dict
from finjax.system.files import expanded
from finjax.system.paths import refuse_url
from finjax.system.plugins import load_plugins
from finjax.training.saved_model import refuse_occupied, save_model

NOBODY = -1  # a subject number that no recording has


@with_defaults
def import_checkpoint(path: str | Path, workdir: str | Path, description: ModelDescription) -> Network:
    """Writes a torch checkpoint as a run, and returns its network.

    The file does not say which subjects the model was trained on. Unless `description` gives them, the run records
    none, and finjax cannot refuse to test the model on its training data.

    Raises:
        FinjaxError: the file cannot be read, holds neither network, or does not fit its description; torch is
            missing; or `workdir` holds a run already.
    """
    refuse_url(path, option="FILE")
    refuse_url(workdir, option="OUT")
    load_plugins(description.plugins, option=own_option)
    workdir = expanded(workdir)
    refuse_occupied(workdir)
    try:
        network = convert(read_state_dict(path))
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from error
    spec, features = dataset_spec(description.dataset), features_of(network, description)
    refuse_misfit(network, spec, features)
    info = checkpoint_info(network, description, spec, features)
    normalisers = {
        "signal": vars(_unknown_signal_statistics(channels=len(spec.channel_names), limit_sd=description.limit_sd)),
        "feature": vars(_feature_normaliser(network, description, count=len(features))),
    }
    save_model(workdir, params=network.params, stats=network.stats, normalisers=normalisers, info=info)
    return network


def _unknown_signal_statistics(*, channels: int, limit_sd: float) -> SignalNormaliser:
    """Returns z-scores of no known subject. Orbax cannot store an empty array, so there is a row for `NOBODY`."""
    return SignalNormaliser(
        subjects=np.array([NOBODY], np.int32),
        mean=np.zeros((1, channels), np.float32),
        std=np.ones((1, channels), np.float32),
        limit=np.float32(limit_sd or np.inf),
    )


def _feature_normaliser(network: Network, description: ModelDescription, *, count: int) -> FeatureNormaliser:
    """Returns the standardisation of the features: scalars for a FIN, `[F]` for a CNN.

    Raises:
        ConfigError: the number of means or deviations is wrong, or a deviation is not above 0.
    """
    numbers = {}
    for field, default in (("mean", 0.0), ("std", 1.0)):
        text = getattr(description, field)
        try:
            values = np.array(items_of(text) or (default,) * count, np.float32)
        except ValueError:
            values = np.array([])
        if len(values) != count or not np.isfinite(values).all() or (field == "std" and values.min() <= 0):
            allowed = f"{count} number{'s' * (count > 1)}{' above 0' * (field == 'std')}"
            raise ConfigError(f"--{field}={text}: give {allowed}, for {count} feature{'s' * (count > 1)}")
        numbers[field] = values[0] if network.kind == "fin" else values
    return FeatureNormaliser(**numbers)
