"""Live decoding: samples in, decisions out, chunk by chunk; `finjax live` shows it on a stream."""

from finjax.live.decision import Decision
from finjax.live.decoder import LiveDecoder

__all__ = ["Decision", "LiveDecoder"]
