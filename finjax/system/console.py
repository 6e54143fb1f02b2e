"""What programs print, on any terminal: one that does not know a character, one that is gone, a pipe that is closed.

A character that the output's encoding lacks is printed as a plain one. Once nobody reads the output any more, as after
`| head`, the rest is dropped and the program goes on: its exit status is that of its work. On a full disk the program
goes on too, says at its end that output is missing, and ends with exit status 1.
"""

import codecs
import contextlib
import errno
import io
import os
import select
import sys
import tempfile
import threading
import unicodedata
from collections.abc import Iterator
from typing import IO, Any, TextIO

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
LARGEST_HELD_BACK = 1_000_000  # bytes that the file of held back messages may grow to before it is cut
CUT_EVERY_S = 1.0


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
        keep_going: whether to drop the rest after any other error too, such as a full disk, instead of raising it.

    Attributes:
        failure: the error after which `keep_going` dropped the rest.
    """

    def __init__(self, stream: TextIO | None, *, keep_going: bool = False):
        self._stream = io.StringIO() if stream is None else stream
        self._dropping, self._keep_going = stream is None, keep_going
        self.failure: OSError | None = None

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
                if not self._keep_going:
                    raise
                self.failure = error
            self._drop()

    def _drop(self) -> None:
        self._dropping = True
        # What is in the buffer must go somewhere, or Python complains about it at the end.
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)

    def drop_if_stuck(self) -> None:
        """Drops the rest where writing it would wait: for a pager that does not read on, or for Ctrl-Q after Ctrl-S."""
        try:
            watched = select.poll()
            watched.register(self._stream.fileno(), select.POLLOUT)
            stuck = not watched.poll(0)
        except (AttributeError, OSError, ValueError):  # no file, or Windows
            stuck = False
        if stuck:
            self._drop()


def say(text: str) -> None:
    """Prints a text to stdout, whatever stdout is."""
    if sys.stdout is None:
        return
    out = Output(sys.stdout)
    out.write(f"{text}\n")
    out.flush()


@contextlib.contextmanager
def any_terminal() -> Iterator[None]:
    """Lets a program print to any stdout and stderr; also a decorator, for `main`.

    Raises:
        SystemExit: with status 1, where the program ended well and stdout could not be written.
    """
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = out, err = [Output(stream, keep_going=True) for stream in before]
    succeeded = False
    try:
        yield
        succeeded = True
    except SystemExit as end:
        succeeded = not end.code
        raise
    finally:
        for stream in (out, err):
            with contextlib.suppress(ValueError):  # closed
                stream.flush()
        if out.failure:
            reason = out.failure.strerror or out.failure
            print(f"error: what was printed could not be written ({reason}); the rest of it is lost", file=err)
            err.flush()
        sys.stdout, sys.stderr = before
        if out.failure and succeeded:
            raise SystemExit(1)


def drop_if_stuck() -> None:
    """Drops what stdout and stderr do not take now: a program that was asked to stop does not wait for a reader."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, Output):
            stream.drop_if_stuck()


@contextlib.contextmanager
def messages_held_back(active: bool = True) -> Iterator[None]:
    """Keeps what the process writes to stderr, libraries in C included, until the end, and then shows the last of it.

    Without a temporary folder that can be written they are shown at once.

    Args:
        active: whether to; False does nothing.
    """
    if not active or (held := _temporary_file()) is None:
        yield
        return
    sys.stderr.flush()
    with held, _kept_small(held):
        terminal = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(terminal, 2)
            os.close(terminal)
            if isinstance(sys.exc_info()[1], KeyboardInterrupt):
                drop_if_stuck()
            sys.stderr.write(_end_of(held).decode(errors="replace"))
            sys.stderr.flush()


def _temporary_file() -> IO[bytes] | None:
    """Returns a file without a name, open for appending; None where there is no folder for one."""
    try:
        with tempfile.NamedTemporaryFile() as named:
            return open(named.name, "a+b", buffering=0)
    except OSError:
        return None


def _end_of(held: IO[bytes]) -> bytes:
    """Returns the last of the held back messages."""
    held.seek(max(0, held.seek(0, os.SEEK_END) - HELD_BACK_BYTES))
    return held.read()


@contextlib.contextmanager
def _kept_small(held: IO[bytes]) -> Iterator[None]:
    """Cuts a file now and then to the last of its messages: a session may run for days, and a library write all along.

    The file must be open for appending, so that all write at its end wherever that is.
    """
    ended = threading.Event()

    def cut() -> None:
        while not ended.wait(CUT_EVERY_S):
            if os.fstat(held.fileno()).st_size > LARGEST_HELD_BACK:
                last = _end_of(held)
                with contextlib.suppress(OSError):  # the disk is full: messages are lost
                    held.truncate(0)
                    held.write(last)

    thread = threading.Thread(target=cut, name="finjax messages", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
