"""The old name of `finjax.live`."""

from finjax.live import Decision, LiveDecoder
from finjax.live import LiveDecoder as Decoder
from finjax.system.moved import warn_moved

__all__ = ["Decision", "Decoder", "LiveDecoder"]

warn_moved("finjax.realtime", "finjax.live, and its Decoder LiveDecoder")
