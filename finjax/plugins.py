"""Modules of the user's that register datasets and features of their own."""

import importlib

from finjax.errors import ConfigError


def load_plugins(names: str) -> None:
    """Imports the modules of a comma-separated list.

    Raises:
        ConfigError: one of them cannot be imported.
    """
    for name in filter(None, (name.strip() for name in names.split(","))):
        try:
            importlib.import_module(name)
        except Exception as error:  # whatever the module does when it is imported
            raise ConfigError(f"--config.plugins={names}: importing {name}: {type(error).__name__}: {error}") from error
