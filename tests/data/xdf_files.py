"""Writes XDF files to the specification: https://github.com/sccn/xdf/wiki/Specifications."""

import struct
import uuid
from xml.sax.saxutils import escape

import numpy as np

BOUNDARY = uuid.UUID("43A546DC-CBF5-410F-B30E-D5467383CBE4").bytes
FILE_HEADER, STREAM_HEADER, SAMPLES, CLOCK_OFFSET, BOUNDARY_TAG, STREAM_FOOTER = range(1, 7)
FORMATS = {"float32": "<f4", "int16": "<i2", "double64": "<f8"}


def length_of(number):
    """A length: the number of its bytes, and the number."""
    if number < 256:
        return struct.pack("<BB", 1, number)
    return struct.pack("<BI", 4, number)


def chunk(tag, content):
    return length_of(len(content) + 2) + struct.pack("<H", tag) + content


def stream_header(number, *, name, kind, format, rate_hz, channels, units=(), kinds=()):
    described = "".join(
        f"<channel><label>{escape(label)}</label><unit>{units[place] if units else ''}</unit>"
        f"<type>{kinds[place] if kinds else ''}</type></channel>"
        for place, label in enumerate(channels)
    )
    xml = (
        f'<?xml version="1.0"?><info><name>{name}</name><type>{kind}</type>'
        f"<channel_count>{len(channels)}</channel_count><channel_format>{format}</channel_format>"
        f"<nominal_srate>{rate_hz}</nominal_srate><created_at>50</created_at>"
        f"<desc><channels>{described}</channels></desc></info>"
    )
    return chunk(STREAM_HEADER, struct.pack("<I", number) + xml.encode())


def samples(number, times, values, *, format):
    """A chunk of samples; each has its time stamp."""
    content = struct.pack("<I", number) + length_of(len(times))
    for time_s, row in zip(times, values, strict=True):
        content += struct.pack("<Bd", 8, time_s)
        if format == "string":
            content += b"".join(length_of(len(text.encode())) + text.encode() for text in row)
        else:
            content += np.asarray(row, FORMATS[format]).tobytes()
    return chunk(SAMPLES, content)


def write_xdf(path, *, signal, times, markers, rate_hz, emg=(), format="float32", marker_kind="Markers", **described):
    """Writes a stream of EMG, a stream of markers `(time, text)`, and a stream of another kind; returns the path."""
    fields = {"name": "armband", "kind": "EMG", "channels": [f"e{n}" for n in range(signal.shape[1])], **described}
    parts = [b"XDF:", chunk(FILE_HEADER, b'<?xml version="1.0"?><info><version>1.0</version></info>')]
    parts.append(stream_header(1, name="keys", kind=marker_kind, format="string", rate_hz=0, channels=["text"]))
    parts.append(stream_header(2, format=format, rate_hz=rate_hz, **fields))
    parts += emg
    if markers:
        parts.append(samples(1, [time_s for time_s, _ in markers], [[text] for _, text in markers], format="string"))
    for begin in range(0, len(times), 500):
        part = slice(begin, begin + 500)
        parts.append(samples(2, times[part], signal[part], format=format))
        parts.append(chunk(BOUNDARY_TAG, BOUNDARY))
    parts.append(chunk(STREAM_FOOTER, struct.pack("<I", 2) + b'<?xml version="1.0"?><info></info>'))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(parts))
    return path
