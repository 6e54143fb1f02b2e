"""Configurations that come back from JSON: completed from what their stage has."""

from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict

from finjax.configs import default, study

# By stage: every field with its default, and the types of those that a file leaves unset.
TEMPLATES = {
    "fin": lambda: default.fin(""),
    "cnn": default.cnn,
    "fine_tune": default.fine_tune,
    "raw_cnn": default.raw_cnn,
    "classical": default.classical,
    "study": study.get_config,
}

# What older versions did, which had no such field; the default is another one now.
BEFORE = {"statistics": "unlabelled"}


def complete(fields: Mapping[str, Any]) -> ConfigDict:
    """Returns a configuration as it was before it went through JSON, with its stage's defaults for what it lacks.

    JSON makes lists of tuples. An imported model, or one that an older finjax trained, lacks some fields.

    Args:
        fields: the configuration as JSON gives it.

    Raises:
        KeyError: it names no stage, or one that does not exist.
        TypeError: it holds something else where its stage has a group of fields.
    """
    config = TEMPLATES[fields["stage"]]()
    if "methods" in fields:  # of a study, which has those alone that it names
        config.methods = ConfigDict()
    fields = {**BEFORE, **fields}
    if fields.get("limit_sd", 0.0) is None:  # JSON has no infinity, so that null was written for it
        fields["limit_sd"] = 0.0  # means "no limit" too
    _fill(config, _tuples(fields))
    return config


def _fill(config: ConfigDict, fields: Mapping[str, Any], where: str = "") -> None:
    for name, value in fields.items():
        known = config.get(name)
        if isinstance(known, ConfigDict):
            if not isinstance(value, Mapping):
                raise TypeError(f"the fields of {where}{name}: {value!r} is there instead")
            _fill(known, value, f"{where}{name}.")
        elif value is not None or known is None:
            with config.ignore_type():
                config[name] = ConfigDict(value) if isinstance(value, Mapping) else value


def _tuples(content: Any) -> Any:
    if isinstance(content, Mapping):
        return {name: _tuples(value) for name, value in content.items()}
    return tuple(content) if isinstance(content, list) else content
