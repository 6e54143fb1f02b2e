"""The old name of `finjax.devices.parallel`."""

from finjax.devices.parallel import tune_compiler
from finjax.system.moved import warn_moved

__all__ = ["tune_compiler"]

warn_moved("finjax.training.parallel", "finjax.devices.parallel")
