"""Live decoding: samples in, decisions out, chunk by chunk."""

from finjax.realtime.decoder import Decision, Decoder

__all__ = ["Decision", "Decoder"]
