"""Opens a source from a text such as `lsl:armband`: one way for every program that takes samples."""

from finjax.errors import FinjaxError
from finjax.sources.brainflow_board import Board
from finjax.sources.brainflow_text import parse_board
from finjax.sources.lab_stream import LabStream
from finjax.sources.lines import Lines, parse_port
from finjax.sources.rate import RateWatched
from finjax.sources.source import Needed, Source
from finjax.sources.synthetic_person import open_person, parse_subject

KINDS = {
    "lsl": "lsl:NAME (a stream of the LabStreamingLayer; without a name the first of type EMG)",
    "brainflow": "brainflow:BOARD?key=value&key=value (a board that BrainFlow knows, such as brainflow:synthetic)",
    "tcp": "tcp:PORT (lines of numbers from a sender that connects)",
    "udp": "udp:PORT (lines of numbers in datagrams)",
    "synthetic": "synthetic:SUBJECT (a synthetic person, repeated without end)",
}


def check_source(text: str) -> None:
    """Raises `FinjaxError` if `open_source` cannot take a text; opens nothing."""
    kind, rest = _parts(text)
    if kind in ("tcp", "udp"):
        parse_port(rest, where=text)
    elif kind == "brainflow":
        parse_board(rest, where=text)
    elif kind == "synthetic":
        parse_subject(rest, where=text)


def open_source(text: str, *, channels: int | None = None, rate_hz: float | None = None, speed: float = 1.0) -> Source:
    """Opens a source of samples; close it after use.

    Args:
        text: what to open: `lsl:NAME`, `brainflow:BOARD?key=value&key=value`, `tcp:PORT`, `udp:PORT` or
            `synthetic:SUBJECT`.
        channels: number of channels that the source must have; None: as the device says.
        rate_hz: samples per second that it must give; None: as the device says. Lines over TCP and UDP say neither, so
            that both are needed there.
        speed: speed of a synthetic person relative to real time; 0: as fast as the samples are taken.

    Returns:
        The source. Its `problems` also count periods in which the rate was wrong.

    Raises:
        FinjaxError: the text is not valid, or the device, stream or port cannot be opened.
        DataError: there is no such stream, or it has other channels or another rate.

    Example:
        >>> source = open_source("synthetic:1", speed=0)
        >>> source.info.rate_hz, len(source.info.channel_names)
        (2000.0, 12)
        >>> next(iter(source)).shape
        (40, 12)
        >>> source.close()
    """
    kind, rest = _parts(text)
    needed = Needed(channels=channels, rate_hz=rate_hz)
    if kind == "synthetic":
        return open_person(rest, where=text, needed=needed, speed=speed)
    if kind == "lsl":
        return RateWatched(LabStream(rest, needed=needed))
    if kind == "brainflow":
        return RateWatched(Board(rest, needed=needed))
    if channels is None or rate_hz is None:
        raise FinjaxError(f"{text}: lines of numbers say neither their channels nor their rate; give both")
    port = parse_port(rest, where=text)
    return RateWatched(Lines(kind, port=port, channels=channels, rate_hz=rate_hz))


def _parts(text: str) -> tuple[str, str]:
    """Returns the kind of a source and the rest of its text."""
    kind, colon, rest = text.partition(":")
    if not colon or kind not in KINDS:
        listed = "\n".join(f"  {what}" for what in KINDS.values())
        raise FinjaxError(f"{text!r} is not a source of samples. Give one of\n{listed}")
    return kind, rest
