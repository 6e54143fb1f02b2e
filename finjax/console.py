"""What programs print, on any terminal: one that does not know a character, one that is gone, a pipe that is closed.

A character that the output's encoding lacks is printed as a plain one. Once nobody reads the output any more, as after
`| head`, the rest is dropped and the program goes on: its exit status is that of its work.
"""

import codecs
import contextlib
import errno
import io
import os
import sys
import tempfile
import unicodedata
from collections.abc import Iterator
from typing import Any, TextIO

PLAIN = {
    **dict(zip("▁▂▃▄▅▆▇█░", ".:-=+*%#.", strict=True)),  # bars: one character each, so that columns stay
    **dict(zip("–—−‐×·’‘“”→←", "---" + "-x.''\"\"><", strict=True)),
    **{"±": "+/-", "…": "...", "≤": "<=", "≥": ">=", "≈": "~", "√": "sqrt", "∞": "inf", "°": "deg"},
    **{"Δ": "d", "µ": "u", "μ": "u", "γ": "gamma", "σ": "sigma", "Σ": "sum", "ß": "ss"},
}
UNKNOWN = "?"  # for a character without a plain one
ERRORS = "finjax.plain"  # the name of the codecs' error handler
NOBODY_READS = {errno.EPIPE, errno.EIO, errno.ESHUTDOWN}  # EIO: the terminal is gone
if os.name == "nt":
    NOBODY_READS.add(errno.EINVAL)  # what Windows says of a closed pipe
HELD_BACK_BYTES = 20_000  # of messages, the last


def plain(character: str) -> str:
    """Returns ASCII for a character: `²` → `2`, `é` → `e`, `█` → `#`; `?` where there is none."""
    if character in PLAIN:
        return PLAIN[character]
    return unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode() or UNKNOWN


def _encode_plainly(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(plain, error.object[error.start : error.end])), error.end


codecs.register_error(ERRORS, _encode_plainly)


class Output:
    """A text stream that takes any character, and drops what nobody reads.

    Args:
        stream: the stream; None, as where a program was started without one: everything is dropped.
    """

    def __init__(self, stream: TextIO | None):
        self._stream = io.StringIO() if stream is None else stream
        self._dropping = stream is None

    def write(self, text: str) -> int:
        """Writes what the encoding can say of a text."""
        encoding = getattr(self._stream, "encoding", None)
        if encoding and not text.isascii():
            text = text.encode(encoding, ERRORS).decode(encoding)
        if not self._dropping:
            with self._dropped_where_nobody_reads():
                self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Passes on what was written."""
        with self._dropped_where_nobody_reads():
            self._stream.flush()

    def writelines(self, lines) -> None:
        """Writes texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        if name == "_stream":  # not there yet: copied or restored
            raise AttributeError(name)
        return getattr(self._stream, name)

    @contextlib.contextmanager
    def _dropped_where_nobody_reads(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno not in NOBODY_READS:
                raise
            self._dropping = True
            # What is in the buffer must go somewhere, or Python complains about it at the end.
            with contextlib.suppress(OSError, ValueError):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, self._stream.fileno())
                os.close(nowhere)


def say(text: str) -> None:
    """Prints a text to stdout, whatever stdout is."""
    if sys.stdout is None:
        return
    out = Output(sys.stdout)
    out.write(f"{text}\n")
    out.flush()


@contextlib.contextmanager
def any_terminal() -> Iterator[None]:
    """Lets a program print to any stdout and stderr; also a decorator, for `main`."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (Output(stream) for stream in before)
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(ValueError):  # closed
                stream.flush()
        sys.stdout, sys.stderr = before


@contextlib.contextmanager
def messages_held_back(active: bool = True) -> Iterator[None]:
    """Keeps what the process writes to stderr, libraries in C included, until the end, and then shows the last of it.

    Args:
        active: whether to; False does nothing.
    """
    if not active:
        yield
        return
    sys.stderr.flush()
    with tempfile.TemporaryFile() as held:
        terminal = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(terminal, 2)
            os.close(terminal)
            held.seek(max(0, held.seek(0, os.SEEK_END) - HELD_BACK_BYTES))
            sys.stderr.write(held.read().decode(errors="replace"))
            sys.stderr.flush()
