"""Imports the user's modules, which register datasets and features."""

import importlib
from collections.abc import Iterator

from finjax.errors import ConfigError, Naming, option_of


def load_plugins(names: str, *, option: Naming = option_of) -> None:
    """Imports the modules of a comma-separated list of names.

    Args:
        names: the list.
        option: returns the option that sets a field, for messages.

    Raises:
        ConfigError: a module cannot be imported.
    """
    for name in _split(names):
        try:
            _load(name)
        except ConfigError as error:
            raise ConfigError(f"{option('plugins')}={names}: {error}") from error


def try_plugins(names: str) -> list[str]:
    """Imports the modules that can be imported; returns why the others cannot, a message for each."""
    faults: list[str] = []
    for name in _split(names):
        try:
            _load(name)
        except ConfigError as error:
            faults.append(str(error))
    return faults


def _split(names: str) -> Iterator[str]:
    return filter(None, (name.strip() for name in names.split(",")))


def _load(name: str) -> None:
    """Imports a module; raises `ConfigError` with the cause and the remedy."""
    try:
        importlib.import_module(name)
    except Exception as error:  # a user's module can raise anything
        remedy = ""
        if isinstance(error, ModuleNotFoundError) and f"{name}.".startswith(f"{error.name}."):
            remedy = f". Add the folder that contains {name.split('.')[0]} to PYTHONPATH"
        raise ConfigError(f"importing {name}: {type(error).__name__}: {error}{remedy}") from error
