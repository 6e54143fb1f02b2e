"""The methods of a study: full configurations of their stages."""

import copy
from collections.abc import Callable, Mapping

from ml_collections import ConfigDict

from finjax.errors import ConfigError

SHARED = ("window", "limit_sd", "seed", "plugins", "data", "cpu_devices")  # of the study and each of its runs
DECODERS = ("cnn", "fine_tune", "raw_cnn", "classical")
PRETRAINED, RANDOM = "pretrained", "random"


def names_in(config: ConfigDict, field: str) -> tuple[str, ...]:
    """Returns the methods that a field such as `config.within` lists.

    Raises:
        ConfigError: an unknown one, or one named twice.
    """
    names = tuple(name.strip() for name in config[field].split(",") if name.strip())
    for name in names:
        if name not in config.methods:
            raise ConfigError(f"--config.{field}: unknown method {name!r}; known are {', '.join(config.methods)}")
    if len(set(names)) < len(names):
        raise ConfigError(f"--config.{field}={config[field]}: a method is named twice")
    return names


def fin_config(config: ConfigDict) -> ConfigDict:
    """Returns the configuration of the study's FINs, for a target and horizon to be set."""
    one = _with_shared(config, "fin")
    one.target = ""
    return one


def method_config(config: ConfigDict, name: str) -> ConfigDict:
    """Returns the full configuration of a method: its stage's settings, the study's, and its own over both.

    Raises:
        ConfigError: its stage is unknown, or it sets a field that its stage does not have.
    """
    method = config.methods[name]
    if method.get("stage") not in DECODERS:
        raise ConfigError(f"methods.{name}.stage={method.get('stage')!r}: choose from {', '.join(DECODERS)}")
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
    _override(one, own, where=f"methods.{name}")
    return one


def option_in(config: ConfigDict, stage: str, method: str = "") -> Callable[[str], str]:
    """Returns what gives the study's option for a field of a run.

    Args:
        config: of the study.
        stage: of the run.
        method: that the run is of; none for a FIN.
    """

    def option(field: str) -> str:
        first, own = field.split(".")[0], config.methods.get(method, {})
        for name in field.split("."):
            own = own.get(name) if isinstance(own, Mapping | ConfigDict) else None
        if own is not None:
            return f"--config.methods.{method}.{field}"
        if first in SHARED or (method and first in ("step", "percentage_how")):
            return f"--config.{field}"
        return f"--config.fin.{field}" if first == "model" else f"--config.{stage}.{field}"

    return option


def features_of(config: ConfigDict, name: str) -> tuple[str, ...]:
    """Returns the features whose pre-trained FINs a method needs; none for other methods."""
    one = method_config(config, name)
    if one.stage != "fine_tune" or one.fine_tune.fin_init != PRETRAINED:
        return ()
    return tuple(feature.strip() for feature in one.features.split(","))


def _with_shared(config: ConfigDict, stage: str) -> ConfigDict:
    one = copy.deepcopy(config[stage])
    one.unlock()
    one.stage, one.preset, one.prediction = stage, "", (0,)
    for field in SHARED:
        one[field] = copy.deepcopy(config[field])
    return one


def _override(config: ConfigDict, own: Mapping, *, where: str) -> None:
    for field, value in own.items():
        if field not in config:
            raise ConfigError(f"{where}.{field}: its stage has no such field; it has {', '.join(config)}")
        if isinstance(value, ConfigDict):
            _override(config[field], value, where=f"{where}.{field}")
            continue
        try:
            config[field] = value
        except TypeError as error:
            raise ConfigError(f"{where}.{field}: {error}") from error
