"""The old name of `finjax.inference.exported`."""

from finjax.inference.exported import ExportedModel, load_exported
from finjax.system.moved import warn_moved

__all__ = ["ExportedModel", "load_exported"]

warn_moved("finjax.exported", "finjax.inference.exported")
