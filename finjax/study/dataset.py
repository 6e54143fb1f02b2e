"""What is known of a study's data without reading it."""

import dataclasses

from ml_collections import ConfigDict

from finjax.data import synthetic
from finjax.data.registry import Filter, get_spec
from finjax.data.source import filter_of


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dataset:
    """A dataset's name, rate, channels, movements and, after the configuration, its filter."""

    name: str
    rate_hz: float
    channel_names: tuple[str, ...]
    movement_names: tuple[str, ...]
    filter: Filter


def dataset_of(config: ConfigDict) -> Dataset:
    """Returns the dataset that `config.data` names; raises `DataError` for an unknown one."""
    if config.name == synthetic.NAME:
        facts = synthetic.RATE_HZ, synthetic.CHANNEL_NAMES, synthetic.MOVEMENT_NAMES
    else:
        spec = get_spec(config.name)
        facts = spec.rate_hz, spec.channel_names, spec.movement_names
    rate_hz, channel_names, movement_names = facts
    return Dataset(
        name=config.name,
        rate_hz=rate_hz,
        channel_names=channel_names,
        movement_names=movement_names,
        filter=filter_of(config),
    )
