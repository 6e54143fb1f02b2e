"""The methods of a study: the full configuration of each."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

from ml_collections import ConfigDict

from finjax.configs.parsing import SETTINGS
from finjax.configs.settings import RecognitionStage
from finjax.errors import ConfigError

SHARED = ("window", "limit_sd", "seed", "plugins", "data", "cpu_devices")  # every run takes these from the study
DECODERS = tuple(stage for stage, kind in SETTINGS.items() if issubclass(kind, RecognitionStage))
PRETRAINED, RANDOM = "pretrained", "random"


def names_in(config: ConfigDict, field: str) -> tuple[str, ...]:
    """Returns the methods that a field such as `config.within` lists.

    Raises:
        ConfigError: a method is unknown, or is listed twice.
    """
    names = tuple(name.strip() for name in config[field].split(",") if name.strip())
    for name in names:
        if name not in config.methods:
            raise ConfigError(f"--config.{field}: unknown method {name!r}; choose from {', '.join(config.methods)}")
    if len(set(names)) < len(names):
        raise ConfigError(f"--config.{field}={config[field]}: a method is listed twice; remove one")
    return names


def fin_config(config: ConfigDict) -> ConfigDict:
    """Returns the configuration of the study's FINs; the caller sets the target and the horizon."""
    one = _with_shared(config, "fin")
    one.target = ""
    return one


def method_config(config: ConfigDict, name: str) -> ConfigDict:
    """Returns the full configuration of a method.

    The method's own settings replace those of the study, which replace those of the stage.

    Raises:
        ConfigError: the stage is unknown, or the method sets a field that the stage does not have.
    """
    method = config.methods[name]
    if method.get("stage") not in DECODERS:
        raise ConfigError(f"--config.methods.{name}.stage={method.get('stage')!r}: choose from {', '.join(DECODERS)}")
    one = _with_shared(config, method.stage)
    one.step, one.statistics = config.step, config.statistics
    one.percentage, one.percentage_how = 100.0, config.percentage_how
    one.subject = ""
    if method.stage != "classical":
        one.pooled = False
        one.fine_tune.cnn_init = ""
    if method.stage == "fine_tune":
        one.fine_tune.fins = ""
        one.model = copy.deepcopy(config.fin.model)
    own = {field: value for field, value in method.items() if field not in ("stage", "start")}
    _override(one, own, where=f"--config.methods.{name}")
    return one


def option_in(config: ConfigDict, stage: str, method: str = "") -> Callable[[str], str]:
    """Returns a function that maps a field of a run to the option of the study that sets it.

    Args:
        config: configuration of the study.
        stage: stage of the run.
        method: method of the run; empty for a FIN.
    """

    def option(field: str) -> str:
        own: Any = config.methods.get(method, {})
        first = field.split(".")[0]
        for name in field.split("."):
            own = own.get(name) if isinstance(own, Mapping | ConfigDict) else None
        if own is not None:
            return f"--config.methods.{method}.{field}"
        if first in SHARED or (method and first in ("step", "percentage_how")):
            return f"--config.{field}"
        return f"--config.fin.{field}" if first == "model" else f"--config.{stage}.{field}"

    return option


def features_of(config: ConfigDict, name: str) -> tuple[str, ...]:
    """Returns the features whose pre-trained FINs a method needs; empty if it needs none."""
    one = method_config(config, name)
    if one.stage != "fine_tune" or one.fine_tune.fin_init != PRETRAINED:
        return ()
    return tuple(feature.strip() for feature in one.features.split(","))


def _with_shared(config: ConfigDict, stage: str) -> ConfigDict:
    one = copy.deepcopy(config[stage])
    one.unlock()
    one.stage, one.preset, one.prediction = stage, "", (0,)
    for field in SHARED:
        if field != "cpu_devices" or "train" in one:  # a classical baseline has no devices to set
            one[field] = copy.deepcopy(config[field])
    return one


def _override(config: ConfigDict, own: Mapping[str, Any] | ConfigDict, *, where: str) -> None:
    for field, value in own.items():
        if field not in config:
            raise ConfigError(f"{where}.{field}: its stage has no such field; choose from {', '.join(config)}")
        if isinstance(value, ConfigDict):
            _override(config[field], value, where=f"{where}.{field}")
            continue
        try:
            config[field] = value
        except TypeError as error:
            raise ConfigError(f"{where}.{field}: {error}") from error
