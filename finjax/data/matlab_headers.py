"""Lists the variables of a MATLAB v5 file from their headers: name, shape and position. No content is read.

SciPy's `whosmat` fails at the first variable of a class (a table, a string, a datetime), and `loadmat` at the first
damaged variable, even if it is not needed. Here a variable with an unreadable header is skipped and its position is
returned, because a missing variable may be that one.

Reference: MATLAB, "MAT-File Format", R2023b, Level 5.
"""

import dataclasses
import os
import struct
import zlib
from typing import BinaryIO

START = 128  # first byte of the first variable, after the file's header
ORDER = slice(126, 128)  # byte order in the file's header: "IM" is little-endian
MATRIX, COMPRESSED = 14, 15  # types of elements
OPAQUE = 17  # class of a variable that has no dimensions
NUMERIC = range(6, 16)  # classes: double, single and the integers
PREFIX_BYTES = 4096  # of a variable: more than its flags, dimensions and name need
CHUNK_BYTES = 1 << 20  # unpacked at a time
MAX_UNPACKED_BYTES = 1 << 30  # of a variable: more than any recording has


class IncompleteError(ValueError):
    """The file ends inside a variable."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Variable:
    """A variable of a MATLAB file.

    Attributes:
        name: its name.
        numeric: whether it is an array of numbers.
        shape: its dimensions.
        compressed: whether it is compressed by zlib.
        start: first byte in the file.
        stop: byte after the last.
    """

    name: str
    numeric: bool
    shape: tuple[int, ...]
    compressed: bool
    start: int
    stop: int


def variables(file: BinaryIO) -> tuple[list[Variable], list[int]]:
    """Lists the variables of a file.

    Args:
        file: a MATLAB v5 file, open for reading.

    Returns:
        The variables whose headers can be read, and the first byte of each element whose header cannot be read.

    Raises:
        IncompleteError: the file ends inside a variable.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    order = "<" if file.read(START)[ORDER] == b"IM" else ">"
    found, unknown, position = [], [], START
    while position < size:
        file.seek(position)
        tag = file.read(8)
        if len(tag) < 8:
            raise IncompleteError("it ends inside a variable")
        kind, length = struct.unpack(f"{order}II", tag)
        start, position = position, position + 8 + length
        if position > size:
            raise IncompleteError(f"it ends inside a variable: it has {size} bytes of at least {position}")
        prefix = file.read(min(length, PREFIX_BYTES))
        try:
            name, numeric, shape = _header(kind, prefix, order)
        except (ValueError, struct.error, zlib.error):
            unknown.append(start)
            continue
        compressed = kind == COMPRESSED
        found.append(
            Variable(name=name, numeric=numeric, shape=shape, compressed=compressed, start=start, stop=position)
        )
    return found, unknown


def is_damaged(file: BinaryIO, variable: Variable) -> bool:
    """Returns whether a compressed variable fails its checksum, which SciPy does not check; others have no checksum.

    Args:
        file: the file of the variable.
        variable: one that `variables` returned.
    """
    if not variable.compressed:
        return False
    file.seek(variable.start + 8)
    packed, left = b"", variable.stop - variable.start - 8
    unpacker, total = zlib.decompressobj(), 0
    try:
        while not unpacker.eof:
            if not packed:
                packed = file.read(min(left, CHUNK_BYTES))
                left -= len(packed)
            before = len(packed)
            unpacked = unpacker.decompress(packed, CHUNK_BYTES)  # in parts: it may unpack to gigabytes
            packed = unpacker.unconsumed_tail
            total += len(unpacked)
            if (not before and not unpacked) or total > MAX_UNPACKED_BYTES:
                return True  # it ends too early, or never
    except zlib.error:
        return True
    return bool(unpacker.unused_data) or left > 0


def cut_out(file: BinaryIO, wanted: list[Variable]) -> bytes:
    """Returns a MATLAB file with only these variables."""
    file.seek(0)
    parts = [file.read(START)]
    for variable in wanted:
        file.seek(variable.start)
        parts.append(file.read(variable.stop - variable.start))
    return b"".join(parts)


def _header(kind: int, prefix: bytes, order: str) -> tuple[str, bool, tuple[int, ...]]:
    """Returns name, whether numeric, and shape of the variable that starts with these bytes."""
    if kind == COMPRESSED:
        prefix = zlib.decompressobj().decompress(prefix, PREFIX_BYTES)
        kind = struct.unpack(f"{order}I", prefix[:4])[0]
        prefix = prefix[8:]
    if kind != MATRIX:
        raise ValueError(f"an element of type {kind}")
    flags, rest = _element(prefix, order)
    number = struct.unpack(f"{order}I", flags[:4])[0] & 0xFF
    shape = ()
    if number != OPAQUE:
        dimensions, rest = _element(rest, order)
        shape = struct.unpack(f"{order}{len(dimensions) // 4}i", dimensions)
    name, _ = _element(rest, order)
    return name.decode("latin-1"), number in NUMERIC, shape


def _element(data: bytes, order: str) -> tuple[bytes, bytes]:
    """Returns the content of the first element, and the bytes after it."""
    (first,) = struct.unpack(f"{order}I", data[:4])
    if first >> 16:  # a small element: size and type share four bytes; four bytes of content follow
        return data[4 : 4 + (first >> 16)], data[8:]
    (length,) = struct.unpack(f"{order}I", data[4:8])
    if 8 + length > len(data):
        raise ValueError("a header that is too long")
    return data[8 : 8 + length], data[8 + length + -length % 8 :]
