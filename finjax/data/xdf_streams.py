"""Reads streams of XDF files: which there are, and their samples and time stamps."""

import contextlib
import dataclasses
import logging
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO
from xml.etree import ElementTree

from finjax.data.fetched import refuse_unfetched
from finjax.data.units import plain_unit
from finjax.errors import DataError, FinjaxError

MAGIC = b"XDF:"
STREAM_HEADER, WITH_STREAM = 2, (2, 3, 4, 6)  # tags of chunks; those that begin with the number of their stream
LENGTHS = {1: "<B", 4: "<I", 8: "<Q"}  # of a chunk, by the number of bytes that hold it
TEXT = "string"  # the format of a stream of markers


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stream:
    """A stream as its header describes it.

    Attributes:
        number: its number in the file.
        name: its name.
        kind: type of its content, such as `EMG` or `Markers`.
        format: type of its values, such as `float32` or `string`.
        rate_hz: nominal sampling rate; 0: irregular.
        channel_names: a name for each channel.
        channel_kinds: the type of each channel; empty: not known.
        units: unit of each channel; empty: not known.
    """

    number: int
    name: str
    kind: str
    format: str
    rate_hz: float
    channel_names: tuple[str, ...]
    channel_kinds: tuple[str, ...]
    units: tuple[str, ...]


def find_streams(path: Path) -> list[Stream]:
    """Returns the streams of a file; reads only their headers.

    Raises:
        DataError: it is damaged, or not an XDF file.
    """
    refuse_unfetched([path])
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise DataError(f"{path} is not an XDF file: remove it, or copy it again from the original")
        try:
            return [_stream(number, ElementTree.fromstring(text)) for number, text in _headers(file)]
        except (ElementTree.ParseError, ValueError, TypeError) as error:
            raise _damaged(path, error) from error


def load_streams(path: Path, numbers: Sequence[int]) -> tuple[list[dict[str, Any]], list[str]]:
    """Returns streams of a file as pyxdf gives them, and notes on damage.

    Args:
        path: the file.
        numbers: numbers of the streams; the result has their order.

    Raises:
        DataError: it is damaged.
        FinjaxError: pyxdf is not installed.
    """
    try:
        import pyxdf
    except ImportError as error:
        raise FinjaxError(
            "XDF files need pyxdf, which is not installed: pip install pyxdf, or in a checkout pip install '.[xdf]'"
        ) from error
    with _errors_of("pyxdf") as messages:
        try:
            streams, _ = pyxdf.load_xdf(path, select_streams=list(numbers))
        except OSError:
            raise
        except Exception as error:  # pyxdf raises many errors for damaged bytes
            raise _damaged(path, error) from error
    by_number = {stream["info"]["stream_id"]: stream for stream in streams}
    notes = ["parts of it are damaged or missing, and left out: was the recording cut off?"] if messages else []
    return [by_number[number] for number in numbers], notes


def _headers(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yields the number and header of each stream; the end of a file that was cut off is ignored."""
    while size := file.read(1):
        kind = LENGTHS.get(size[0])
        if kind is None:
            return
        content = file.read(size[0] + 2)
        if len(content) < size[0] + 2:
            return
        (length,), (tag,) = struct.unpack(kind, content[:-2]), struct.unpack("<H", content[-2:])
        left = length - 2
        if tag in WITH_STREAM:
            number = file.read(4)
            left -= 4
            if tag == STREAM_HEADER and len(number) == 4:
                yield struct.unpack("<I", number)[0], file.read(left)
                continue
        file.seek(left, 1)


def _stream(number: int, info: ElementTree.Element) -> Stream:
    def text(element: ElementTree.Element, name: str) -> str:
        return (element.findtext(name) or "").strip()

    count = int(text(info, "channel_count"))
    channels = info.findall("desc/channels/channel")
    names = [text(channel, "label") for channel in channels]
    if len(channels) != count or not all(names) or len(set(names)) < count:
        names = [str(place + 1) for place in range(count)]
    described = channels if len(channels) == count else [ElementTree.Element("channel")] * count
    return Stream(
        number=number,
        name=text(info, "name"),
        kind=text(info, "type"),
        format=text(info, "channel_format"),
        rate_hz=float(text(info, "nominal_srate") or 0),
        channel_names=tuple(names),
        channel_kinds=tuple(text(channel, "type") for channel in described),
        units=tuple(plain_unit(text(channel, "unit")) for channel in described),
    )


@contextlib.contextmanager
def _errors_of(library: str) -> Iterator[list[str]]:
    """Collects what a library logs as errors, and hides all that it logs."""
    found: list[str] = []
    logger = logging.getLogger(library)
    handler = logging.Handler(logging.ERROR)
    handler.emit = lambda record: found.append(record.getMessage())
    before = logger.propagate
    logger.propagate = False
    logger.addHandler(handler)
    try:
        yield found
    finally:
        logger.removeHandler(handler)
        logger.propagate = before


def _damaged(path: Path, error: Exception) -> DataError:
    detail = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return DataError(f"{path} is damaged ({detail}): copy it again from the original")
