"""finjax: feature-imitating networks for hand movement recognition from surface EMG, in JAX and Flax.

`finjax.load("runs/fin_ssi")` restores a trained model for use from any script.
"""

from finjax.restored import FINModel, load
from finjax.version import __version__

__all__ = ["FINModel", "__version__", "load"]
