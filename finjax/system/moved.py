"""The warning of modules that have moved."""

import warnings


def warn_moved(old: str, new: str) -> None:
    """Warns that a module has moved; the module at the old name calls it."""
    warnings.warn(f"{old} is now {new}; the old name is removed in version 0.3", DeprecationWarning, stacklevel=3)
