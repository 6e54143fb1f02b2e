"""Writing to a terminal, pipe or file that may take nothing for as long as it likes."""

import contextlib
import io
import os
import selectors
import threading
from collections import Counter, deque
from collections.abc import Callable

from finjax.system.console import ERRORS, NOBODY_READS, Output

CLOSE_S = 0.5  # how long the end waits for what is not written yet


class Writer:
    """Writes texts in the order they come; the caller never waits.

    A thread writes to a descriptor of its own. A terminal says that it takes more while there is room for a single
    byte, so that asking it first does not help. Where texts come faster than they can be written, the oldest is lost.
    A stream without a file, as in a notebook, is written to at once.

    Args:
        out: the stream.
        room: texts that may wait.
        lost: under which name to count lost texts in `problems`.

    Attributes:
        problems: how many texts were lost. What nobody reads any more, as after `| head`, is not counted.
    """

    def __init__(self, out: Output, *, room: int, lost: str):
        self._out, self._room, self._lost = out, room, lost
        self.problems: Counter[str] = Counter()
        self._waiting: deque[Callable[[], str]] = deque()
        self._changed = threading.Condition()
        self._writing = self._ended = False
        with contextlib.suppress(OSError):
            out.flush()  # what was printed before comes first
        self._file = _own_descriptor(out)
        if self._file is not None:
            threading.Thread(target=self._write_all, name="finjax writer", daemon=True).start()

    def put(self, text: Callable[[], str]) -> None:
        """Takes the next text, as a function that is called when it is written."""
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
        """Waits a moment for what is not written yet, and counts as lost what then is left."""
        if self._file is None:
            return
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting and not self._writing, timeout=CLOSE_S)
            if left := len(self._waiting) + self._writing:
                self.problems[self._lost] += left
            self._waiting.clear()
            self._ended = True
            self._changed.notify_all()

    def _write_all(self) -> None:
        """Writes until the end; the work of the thread."""
        somebody_reads = True
        while text := self._next():
            try:
                if somebody_reads:
                    self._write(text().encode(self._out.encoding, ERRORS))
            except OSError as error:
                somebody_reads = error.errno not in NOBODY_READS
                if somebody_reads:
                    with self._changed:
                        self.problems[self._lost] += 1
        os.close(self._file)

    def _next(self) -> Callable[[], str] | None:
        """Waits for the next text and returns it; None at the end."""
        with self._changed:
            self._writing = False
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._waiting or self._ended)
            self._writing = bool(self._waiting)
            return self._waiting.popleft() if self._waiting else None

    def _write(self, content: bytes) -> None:
        while content:
            try:
                content = content[os.write(self._file, content) :]
            except BlockingIOError:  # another program has set the terminal so
                with selectors.DefaultSelector() as selector:
                    selector.register(self._file, selectors.EVENT_WRITE)
                    selector.select()


def _own_descriptor(out: Output) -> int | None:
    """Returns a descriptor of the stream's file; None where it has none, as in a notebook or a console of Windows."""
    buffer = getattr(out, "buffer", None)
    if not isinstance(getattr(buffer, "raw", buffer), io.FileIO):
        return None
    try:
        return os.dup(out.fileno())
    except (OSError, ValueError):  # ValueError: closed
        return None
