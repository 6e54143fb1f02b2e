"""Modules of the user's that register datasets and features of their own."""

import importlib
from collections.abc import Iterator

from finjax.errors import ConfigError


def load_plugins(names: str) -> None:
    """Imports the modules of a comma-separated list.

    Raises:
        ConfigError: one of them cannot be imported.
    """
    for name in _each(names):
        try:
            _load(name)
        except ConfigError as error:
            raise ConfigError(f"--config.plugins={names}: {error}") from error


def try_plugins(names: str) -> list[str]:
    """Imports those modules of a comma-separated list that can be imported; returns why the others cannot."""
    faults = []
    for name in _each(names):
        try:
            _load(name)
        except ConfigError as error:
            faults.append(str(error))
    return faults


def _each(names: str) -> Iterator[str]:
    return filter(None, (name.strip() for name in names.split(",")))


def _load(name: str) -> None:
    """Imports a module; raises `ConfigError` with what is wrong and the remedy."""
    try:
        importlib.import_module(name)
    except Exception as error:  # whatever the module does when it is imported
        remedy = ""
        if isinstance(error, ModuleNotFoundError) and f"{name}.".startswith(f"{error.name}."):
            remedy = f". Name the folder that holds {name.split('.')[0]} in PYTHONPATH"
        raise ConfigError(f"importing {name}: {type(error).__name__}: {error}{remedy}") from error
