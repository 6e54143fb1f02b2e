"""Writes to a terminal, pipe or file that may block."""

import contextlib
import io
import os
import selectors
import threading
from collections import Counter, deque
from collections.abc import Callable

from finjax.system.console import ERRORS, NOBODY_READS, Output

CLOSE_S = 0.5  # how long `close` waits for texts that are not written yet


class Writer:
    """Writes texts in order; the caller never waits.

    A thread writes to its own copy of the stream's descriptor. (To ask first whether a terminal is ready does not
    help: it is ready if there is room for a single byte.) If texts come faster than they can be written, the oldest
    are lost. A stream without a file, as in a notebook, is written to at once.

    Args:
        out: the stream.
        room: number of texts that may wait.
        lost: name under which `problems` counts lost texts.

    Attributes:
        problems: how many texts were lost. Texts that nobody reads any more, as after `| head`, are not counted.
    """

    def __init__(self, out: Output, *, room: int, lost: str):
        self._out, self._room, self._lost = out, room, lost
        self.problems: Counter[str] = Counter()
        self._waiting: deque[Callable[[], str]] = deque()
        self._changed = threading.Condition()
        self._writing = self._ended = False
        with contextlib.suppress(OSError):
            out.flush()  # earlier output comes first
        self._file = _own_descriptor(out)
        if self._file is not None:
            threading.Thread(target=self._write_all, args=(self._file,), name="finjax writer", daemon=True).start()

    def put(self, text: Callable[[], str]) -> None:
        """Takes the next text, as a function that is called when the text is written."""
        if self._file is None:
            try:
                self._out.write(text())
                self._out.flush()
            except (OSError, ValueError):  # ValueError: closed
                self.problems[self._lost] += 1
            return
        with self._changed:
            if len(self._waiting) == self._room:
                self._waiting.popleft()
                self.problems[self._lost] += 1
            self._waiting.append(text)
            self._changed.notify_all()

    def close(self) -> None:
        """Waits a moment for texts that are not written yet, and counts the rest as lost."""
        if self._file is None:
            return
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting and not self._writing, timeout=CLOSE_S)
            if left := len(self._waiting) + self._writing:
                self.problems[self._lost] += left
            self._waiting.clear()
            self._ended = True
            self._changed.notify_all()

    def _write_all(self, file: int) -> None:
        """Writes all texts to a descriptor and closes it; runs in the thread."""
        somebody_reads = True
        while text := self._next():
            try:
                if somebody_reads:
                    _write(file, text().encode(self._out.encoding, ERRORS))
            except OSError as error:
                somebody_reads = error.errno not in NOBODY_READS
                if somebody_reads:
                    with self._changed:
                        self.problems[self._lost] += 1
        os.close(file)

    def _next(self) -> Callable[[], str] | None:
        """Waits for the next text and returns it; returns None after `close`."""
        with self._changed:
            self._writing = False
            self._changed.notify_all()
            self._changed.wait_for(lambda: bool(self._waiting) or self._ended)
            self._writing = bool(self._waiting)
            return self._waiting.popleft() if self._waiting else None


def _write(file: int, content: bytes) -> None:
    """Writes all of a content to a descriptor."""
    while content:
        try:
            content = content[os.write(file, content) :]
        except BlockingIOError:  # another program has made the terminal non-blocking
            with selectors.DefaultSelector() as selector:
                selector.register(file, selectors.EVENT_WRITE)
                selector.select()


def _own_descriptor(out: Output) -> int | None:
    """Returns a copy of the descriptor of the stream's file; None if it has none, as in a notebook or on Windows."""
    buffer = getattr(out, "buffer", None)
    if not isinstance(getattr(buffer, "raw", buffer), io.FileIO):
        return None
    try:
        return os.dup(out.fileno())
    except (OSError, ValueError):  # ValueError: closed
        return None
