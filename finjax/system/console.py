"""Prints to any terminal or pipe: also if it lacks a character, is closed, or is on a full disk.

A character that the output's encoding lacks is replaced by a plain one. If nobody reads the output any more, as after
`| head`, the rest is dropped and the program continues; its exit status is not affected. On a full disk the program
continues too, says at the end that output is missing, and exits with status 1.
"""

import codecs
import contextlib
import errno
import functools
import io
import logging
import os
import select
import sys
import tempfile
import threading
import unicodedata
from collections.abc import Iterable, Iterator
from typing import IO, Any, TextIO

PLAIN = {
    **dict(zip("▁▂▃▄▅▆▇█░", ".:-=+*%#.", strict=True)),  # bars: one character each, so that columns stay aligned
    **dict(zip("–—−‐×·’‘“”→←", "---" + "-x.''\"\"><", strict=True)),
    **{"±": "+/-", "…": "...", "≤": "<=", "≥": ">=", "≈": "~", "√": "sqrt", "∞": "inf", "°": "deg"},
    **{"Δ": "d", "µ": "u", "μ": "u", "γ": "gamma", "σ": "sigma", "Σ": "sum", "ß": "ss"},
}
UNKNOWN = "?"  # for a character without a plain one
ERRORS = "finjax.plain"  # name of the error handler that is registered with codecs
NOBODY_READS = {errno.EPIPE, errno.EIO, errno.ESHUTDOWN}  # EIO: the terminal is closed
if os.name == "nt":
    NOBODY_READS.add(errno.EINVAL)  # a closed pipe on Windows
HELD_BACK_BYTES = 20_000  # of the last messages
LARGEST_HELD_BACK = 1_000_000  # bytes of the file of messages, before it is cut
CUT_EVERY_S = 1.0


def plain(character: str) -> str:
    """Returns ASCII for a character: `²` → `2`, `é` → `e`, `█` → `#`; `?` if there is none."""
    if character in PLAIN:
        return PLAIN[character]
    return unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode() or UNKNOWN


def _encode_plainly(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(plain, error.object[error.start : error.end])), error.end


codecs.register_error(ERRORS, _encode_plainly)


class Output:
    """A text stream that accepts any character, and drops text that nobody reads.

    Args:
        stream: the stream; None, as in a program that was started without one: everything is dropped.
        keep_going: whether to drop the rest after any other error too, such as a full disk, instead of raising it.

    Attributes:
        failure: the error after which the rest was dropped, with `keep_going`.
    """

    def __init__(self, stream: TextIO | None, *, keep_going: bool = False) -> None:
        self._stream = io.StringIO() if stream is None else stream
        self._dropping, self._keep_going = stream is None, keep_going
        self.failure: OSError | None = None

    def write(self, text: str) -> int:
        """Writes a text; characters that the encoding lacks are replaced."""
        encoding = getattr(self._stream, "encoding", None)
        if encoding and not text.isascii():
            text = text.encode(encoding, ERRORS).decode(encoding)
        if not self._dropping:
            with self._drop_if_nobody_reads():
                self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flushes the stream."""
        with self._drop_if_nobody_reads():
            self._stream.flush()

    def writelines(self, lines: Iterable[str]) -> None:
        """Writes texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        if name == "_stream":  # not set yet: the object is being copied or unpickled
            raise AttributeError(name)
        return getattr(self._stream, name)

    @contextlib.contextmanager
    def _drop_if_nobody_reads(self) -> Iterator[None]:
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
        # The buffer must be written somewhere, or Python reports an error at exit.
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)

    def drop_if_stuck(self) -> None:
        """Drops the rest if a write would block, as with a pager that does not read or after Ctrl-S."""
        try:
            watched = select.poll()
            watched.register(self._stream.fileno(), select.POLLOUT)
            stuck = not watched.poll(0)
        except (AttributeError, OSError, ValueError):  # not a file, or Windows
            stuck = False
        if stuck:
            self._drop()


def say(text: str) -> None:
    """Prints a text to stdout, also if stdout is closed or missing."""
    if sys.stdout is None:
        return
    out = Output(sys.stdout)
    out.write(f"{text}\n")
    out.flush()


@functools.cache
def log_once(logger: logging.Logger, message: str, *, level: int = logging.WARNING) -> None:
    """Logs a message, but not again if the same message of the same logger comes again."""
    logger.log(level, message)


@contextlib.contextmanager
def any_terminal() -> Iterator[None]:
    """Makes any stdout and stderr accept what the program prints; also a decorator, for `main`.

    Raises:
        SystemExit: with status 1, if the program succeeded but stdout could not be written.
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
            print(f"error: stdout could not be written ({reason}); the rest of the output is lost", file=err)
            err.flush()
        sys.stdout, sys.stderr = before
        if out.failure and succeeded:
            raise SystemExit(1)


def drop_if_stuck() -> None:
    """Drops output that would block: a program that was asked to stop does not wait for a reader."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, Output):
            stream.drop_if_stuck()


@contextlib.contextmanager
def messages_held_back(active: bool = True) -> Iterator[None]:
    """Keeps messages on stderr, also those of C libraries, until the end, and then shows the last of them.

    Without a writable temporary folder, messages are shown at once.

    Args:
        active: False does nothing.
    """
    if not active or (held := _temporary_file()) is None:
        yield
        return
    sys.stderr.flush()
    with held, _cut_regularly(held):
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
            sys.stderr.write(_last_messages(held).decode(errors="replace"))
            sys.stderr.flush()


def _temporary_file() -> IO[bytes] | None:
    """Returns a file without a name, open for appending; None if no folder is writable."""
    try:
        with tempfile.NamedTemporaryFile() as named:
            return open(named.name, "a+b", buffering=0)
    except OSError:
        return None


def _last_messages(held: IO[bytes]) -> bytes:
    """Returns the last messages of the file."""
    held.seek(max(0, held.seek(0, os.SEEK_END) - HELD_BACK_BYTES))
    return held.read()


@contextlib.contextmanager
def _cut_regularly(held: IO[bytes]) -> Iterator[None]:
    """Cuts a file regularly to its last messages: a session may run for days while a library writes messages.

    The file must be open for appending, so that every write goes to its current end.
    """
    ended = threading.Event()

    def cut() -> None:
        while not ended.wait(CUT_EVERY_S):
            if os.fstat(held.fileno()).st_size > LARGEST_HELD_BACK:
                last = _last_messages(held)
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
