"""Live decoding: samples in, decisions out, chunk by chunk."""

from finjax.realtime.decision import Decision
from finjax.realtime.decoder import Decoder

__all__ = ["Decision", "Decoder"]
