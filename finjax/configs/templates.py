"""Configurations that are read from JSON: missing fields get the defaults of their stage."""

from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict

from finjax.configs import default, study

# By stage: every field with its default, and the type of fields that are unset.
TEMPLATES = {
    "fin": lambda: default.fin(""),
    "cnn": default.cnn,
    "fine_tune": default.fine_tune,
    "raw_cnn": default.raw_cnn,
    "classical": default.classical,
    "study": study.get_config,
}

# Values of fields that older versions did not have, where the default now gives other results.
OLD_DEFAULTS = {"statistics": "unlabelled"}

# Fields of older versions that no longer exist, by stage and group.
REMOVED = {"fine_tune": {"cnn": ("shadows",)}}


def complete(fields: Mapping[str, Any]) -> ConfigDict:
    """Returns the configuration that JSON holds, with tuples again, and with its stage's defaults for missing fields.

    JSON turns tuples into lists. An imported model, or one that an older finjax trained, lacks some fields.

    Args:
        fields: the configuration as JSON gives it.

    Raises:
        KeyError: the configuration names no stage, or an unknown one.
        TypeError: a field has a value where the stage has a group of fields.
    """
    config = TEMPLATES[fields["stage"]]()
    if "methods" in fields:  # of a study, which has only the methods that its file names
        config.methods = ConfigDict()
    fields = _without_removed({**OLD_DEFAULTS, **fields})
    if fields.get("limit_sd", 0.0) is None:  # older versions wrote infinity as null, because JSON has none
        fields["limit_sd"] = 0.0  # no limit
    _fill(config, _tuples(fields))
    return config


def _without_removed(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the fields of a stage, or of a study with its stages and methods, without the removed ones."""
    kept = dict(fields)
    for group, names in REMOVED.get(kept.get("stage", ""), {}).items():
        if isinstance(kept.get(group), Mapping):
            kept[group] = {name: value for name, value in kept[group].items() if name not in names}
    if kept.get("stage") != "study":
        return kept
    for stage in REMOVED:
        if isinstance(kept.get(stage), Mapping):
            own = _without_removed({**kept[stage], "stage": stage})
            kept[stage] = {name: value for name, value in own.items() if name != "stage"}
    methods = kept.get("methods")
    if isinstance(methods, Mapping):
        kept["methods"] = {
            name: _without_removed(one) if isinstance(one, Mapping) else one for name, one in methods.items()
        }
    return kept


def _fill(config: ConfigDict, fields: Mapping[str, Any], where: str = "") -> None:
    for name, value in fields.items():
        known = config.get(name)
        if isinstance(known, ConfigDict):
            if not isinstance(value, Mapping):
                raise TypeError(f"{where}{name} must be a group of fields, not {value!r}")
            _fill(known, value, f"{where}{name}.")
        elif value is not None or known is None:
            with config.ignore_type():
                config[name] = ConfigDict(value) if isinstance(value, Mapping) else value


def _tuples(content: Any) -> Any:
    if isinstance(content, Mapping):
        return {name: _tuples(value) for name, value in content.items()}
    return tuple(content) if isinstance(content, list) else content


def flatten(fields: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Returns the values of a configuration, as JSON gives it, by their dotted names."""
    flat = {}
    for name, value in fields.items():
        flat.update(flatten(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value})
    return flat
