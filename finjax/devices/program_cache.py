"""Keeps JAX's folder of compiled programs usable: removes broken entries, and warns once of other errors.

A process that is killed while JAX writes an entry leaves half of it. At each later start JAX warns and compiles again,
but never replaces the entry, because its file exists.
"""

import contextlib
import glob
import logging
import re
import warnings
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)

# JAX's warning names only the program of an entry. The entry's file is `{program}-{hash}-cache`.
WARNING = re.compile(
    r"Error (reading|writing) persistent compilation cache entry for '([^']+)': (\w+): (.*)", flags=re.DOTALL
)
MACHINE_ERRORS = ("PermissionError", "OSError", "BlockingIOError", "MemoryError", "TimeoutError")


class ProgramCache:
    """Handles the warnings of JAX about its folder of compiled programs.

    Args:
        folder: folder of the compiled programs.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._show = warnings.showwarning
        self._warned = False

    def take_over(self) -> None:
        """Handles these warnings from now on; all others are shown as before."""
        warnings.filterwarnings("always", message="Error (reading|writing) persistent compilation cache entry")
        warnings.showwarning = self._handle

    def _handle(self, message: Warning | str, *args: Any, **kwargs: Any) -> None:
        if not (match := WARNING.match(str(message))):
            self._show(message, *args, **kwargs)
            return
        direction, program, kind, reason = match.groups()
        if direction == "reading" and kind not in MACHINE_ERRORS:
            self._remove(program)
        elif not self._warned:
            self._warned = True
            logger.warning(
                "compiled programs cannot be stored in %s (%s): each start compiles them",
                self._folder,
                reason,
            )

    def _remove(self, program: str) -> None:
        """Removes the entries of a program, of which one is broken; JAX then writes it again."""
        logger.info("a compiled program in %s is broken and is compiled again: %s", self._folder, program)
        for path in self._folder.glob(f"{glob.escape(program)}-*-cache"):
            with contextlib.suppress(OSError):
                path.unlink()
