"""The facts of a study's dataset that are known before its recordings are read."""

import dataclasses

from ml_collections import ConfigDict

from finjax.configs.parsing import data_settings
from finjax.data import synthetic
from finjax.data.registry import Filter, get_spec
from finjax.data.source import filter_of


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dataset:
    """A dataset's name, sample rate, channels and movements, and the configured filter."""

    name: str
    rate_hz: float
    channel_names: tuple[str, ...]
    movement_names: tuple[str, ...]
    filter: Filter


def dataset_of(config: ConfigDict) -> Dataset:
    """Returns the dataset that `config.data` names; raises `DataError` for an unknown one."""
    if config.name == synthetic.NAME:
        rate_hz, channel_names = synthetic.RATE_HZ, synthetic.CHANNEL_NAMES
        movement_names = synthetic.MOVEMENT_NAMES
    else:
        spec = get_spec(config.name, config.dir)
        rate_hz, channel_names, movement_names = spec.rate_hz, spec.channel_names, spec.movement_names
    return Dataset(
        name=config.name,
        rate_hz=rate_hz,
        channel_names=channel_names,
        movement_names=movement_names,
        filter=filter_of(data_settings(config)),
    )
