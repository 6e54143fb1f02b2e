"""Work that takes long, beside the decisions: in a process of its own with low priority."""

import contextlib
import multiprocessing
import multiprocessing.connection
import os
import pickle
import threading
from collections.abc import Callable
from typing import Any

from finjax.devices import parallel
from finjax.errors import FinjaxError
from finjax.web.child import end_with_parent

LOWER_PRIORITY = 10  # a tenth of what the decisions get, where both want the same core


class Background:
    """Calls a function in a process of its own; another process cannot hold up the interpreter of this one.

    Args:
        function: a function of a module.
        arguments: for it; they and its result are pickled, which happens in a thread: nobody may change them any more.
            Unpickling the result may take long too, as a decoder compiles then.

    Attributes:
        done: whether there is a result or an error.
        result: what the function returned.
        error: why it failed; empty if it did not.
    """

    def __init__(self, function: Callable[..., Any], *arguments: Any):
        self.done, self.result, self.error = False, None, ""
        self._process: Any = None
        task = function, arguments
        self._thread = threading.Thread(target=self._run, args=(task,), name="finjax background", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the process."""
        if self._process is not None:
            with contextlib.suppress(AttributeError, ValueError):  # it has not started yet, or has ended
                self._process.kill()
        self._thread.join(timeout=1.0)

    def wait(self, seconds: float) -> None:
        """Waits until there is a result or an error, so many seconds at most."""
        self._thread.join(timeout=seconds)

    def _run(self, task: tuple[Callable[..., Any], tuple[Any, ...]]) -> None:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        try:
            self._process = context.Process(target=_work, args=(theirs,), name="finjax background", daemon=True)
            self._process.start()
            theirs.close()
            ours.send_bytes(pickled(task))
            succeeded, content = ours.recv()
            if succeeded:
                self.result = pickle.loads(content)
            else:
                self.error = content
        except (EOFError, ConnectionError):
            self._process.join()
            self.error = f"its process has ended with status {self._process.exitcode}; the memory may be full"
        except Exception as error:  # whatever it is, the page shows it, and decoding continues
            self.error = f"{type(error).__name__}: {error}"
        finally:
            ours.close()
            self.done = True


def pickled(content: Any) -> bytes:
    """Pickles in small parts, between which other threads go on: the interpreter holds them up during each."""
    parts: list[bytes] = []

    class Parts:
        def write(self, part: bytes) -> None:
            parts.append(bytes(part))

    pickle.Pickler(Parts()).dump(content)
    return b"".join(parts)


def _work(connection: multiprocessing.connection.Connection) -> None:
    """Does the task; runs in the process."""
    end_with_parent()
    if hasattr(os, "nice"):
        os.nice(LOWER_PRIORITY)
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # the parent has most of a GPU's memory
    parallel.tune_compiler()
    try:
        function, arguments = pickle.loads(connection.recv_bytes())
        connection.send((True, pickle.dumps(function(*arguments))))
    except FinjaxError as error:
        connection.send((False, str(error)))
    except Exception as error:  # as above
        connection.send((False, f"{type(error).__name__}: {error}"))
