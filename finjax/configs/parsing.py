"""Parses the configuration of a stage into typed settings."""

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from ml_collections import ConfigDict

from finjax.configs.fields import check_fields, field_names
from finjax.configs.settings import ClassicalStage, CNNStage, FineTuneStage, FINStage, RawCNNStage, StageSettings
from finjax.configs.templates import TEMPLATES
from finjax.data.settings import DataSettings
from finjax.errors import ConfigError

SETTINGS: Mapping[str, type[StageSettings]] = {
    "fin": FINStage,
    "cnn": CNNStage,
    "fine_tune": FineTuneStage,
    "raw_cnn": RawCNNStage,
    "classical": ClassicalStage,
}

T = TypeVar("T")


def parse(config: ConfigDict) -> StageSettings:
    """Checks the configuration of a stage, and returns it as typed settings.

    Raises:
        ConfigError: a value has the wrong type, is not finite, or is out of range; a field is missing, or the
            stage does not have it. The message names the option.
    """
    check_fields(config)
    if unknown := sorted(set(field_names(config)) - set(field_names(TEMPLATES[config.stage]()))):
        raise ConfigError(
            f"--config.{unknown[0]}: the stage {config.stage} has no such field: start from --config={config.stage}"
        )
    return restore(config)


def restore(config: ConfigDict) -> StageSettings:
    """Returns the settings of a recorded configuration; fields that the stage does not have are ignored."""
    fields = config.to_dict()
    return _build(SETTINGS[config.stage], {**fields, "record": fields})


def data_settings(config: ConfigDict) -> DataSettings:
    """Returns `config.data` as typed settings."""
    return _build(DataSettings, config.to_dict())


def _build(kind: type[T], fields: Mapping[str, Any]) -> T:
    hints = typing.get_type_hints(kind)
    values = {}
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        value = fields[field.name]
        if dataclasses.is_dataclass(hints[field.name]):
            value = _build(hints[field.name], value)
        elif _is_tuple(hints[field.name]) and value is not None:
            value = tuple(value)
        values[field.name] = value
    return kind(**values)


def _is_tuple(hint: Any) -> bool:
    choices = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    return any(typing.get_origin(choice) is tuple for choice in choices)
