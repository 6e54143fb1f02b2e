"""Keeps JAX's folder of compiled programs usable: removes broken entries, and warns once of what fails.

A process that is killed while JAX writes an entry leaves half of it. JAX warns at each later start, compiles again and
never replaces the entry, because a file of that name is there.
"""

import contextlib
import glob
import logging
import re
import warnings
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)

# As JAX warns of an entry, which it names by its program alone. The file is `{program}-{hash}-cache`.
WARNING = re.compile(
    r"Error (reading|writing) persistent compilation cache entry for '([^']+)': (\w+): (.*)", flags=re.DOTALL
)
OF_THE_MACHINE = ("PermissionError", "OSError", "BlockingIOError", "MemoryError", "TimeoutError")


class ProgramCache:
    """Takes over the warnings that JAX gives about its folder of compiled programs.

    Args:
        folder: the folder.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        self._show = warnings.showwarning
        self._warned = False

    def take_over(self) -> None:
        """Handles JAX's warnings from now on; all others are shown as before."""
        warnings.filterwarnings("always", message="Error (reading|writing) persistent compilation cache entry")
        warnings.showwarning = self._handle

    def _handle(self, message: Warning | str, *args: Any, **kwargs: Any) -> None:
        if not (match := WARNING.match(str(message))):
            self._show(message, *args, **kwargs)
            return
        direction, program, kind, reason = match.groups()
        if direction == "reading" and kind not in OF_THE_MACHINE:
            self._remove(program)
        elif not self._warned:
            self._warned = True
            logger.warning(
                "compiled programs cannot be kept in %s (%s): they are compiled at each start", self._folder, reason
            )

    def _remove(self, program: str) -> None:
        """Removes the entries of a program: one of them is broken, and JAX then writes it again."""
        logger.info("a compiled program in %s is broken, and compiled again: %s", self._folder, program)
        for path in self._folder.glob(f"{glob.escape(program)}-*-cache"):
            with contextlib.suppress(OSError):
                path.unlink()
