"""What an import of an old name says."""

import warnings


def warn_moved(old: str, new: str) -> None:
    """Warns that a module has moved; call it at the head of what is left at the old name."""
    warnings.warn(f"{old} is now {new}; the old name is removed in version 0.3", DeprecationWarning, stacklevel=3)
