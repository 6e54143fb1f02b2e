"""Modules of the user's that register datasets and features of their own."""

import importlib

from finjax.errors import ConfigError


def load_plugins(names: str, *, wanted: str = "") -> None:
    """Imports the modules of a comma-separated list.

    Args:
        names: the list.
        wanted: who needs them, for the message; by default the option `--config.plugins`.

    Raises:
        ConfigError: one of them cannot be imported.
    """
    for name in filter(None, (name.strip() for name in names.split(","))):
        try:
            importlib.import_module(name)
        except Exception as error:  # whatever the module does when it is imported
            whose = f"plugin {name}: {wanted}" if wanted else f"--config.plugins={names}"
            remedy = ""
            if isinstance(error, ModuleNotFoundError) and f"{name}.".startswith(f"{error.name}."):
                remedy = f". Name the folder that holds {name.split('.')[0]} in PYTHONPATH"
            raise ConfigError(f"{whose}: importing {name}: {type(error).__name__}: {error}{remedy}") from error
