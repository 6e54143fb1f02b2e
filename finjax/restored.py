"""The old name of `finjax.inference.restored`."""

from finjax.inference.model import DecoderModel, FINModel, Model
from finjax.inference.restored import load, load_decoder, load_fin
from finjax.system.moved import warn_moved

__all__ = ["DecoderModel", "FINModel", "Model", "load", "load_decoder", "load_fin"]

warn_moved("finjax.restored", "finjax.inference.restored")
