"""Drawing of figures: as PNG, and in matplotlib's default style whatever style the user has set."""

import contextlib
import errno
import functools
import logging
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# Matplotlib cannot be imported if MPLBACKEND names a backend that is not installed. A process inherits the variable
# from the notebook that started it. It is set again below.
_BACKEND = None if "matplotlib" in sys.modules else os.environ.pop("MPLBACKEND", None)
import matplotlib  # noqa: E402
from matplotlib.axes import Axes  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

from finjax.system.files import first_line, whole_file  # noqa: E402

if _BACKEND is not None:
    os.environ["MPLBACKEND"] = _BACKEND
    with contextlib.suppress(ValueError):
        matplotlib.rcParams["backend"] = _BACKEND

__all__ = ["Axes", "Figure", "drawn_if_possible", "in_default_style", "plain", "save"]

logger = logging.getLogger(__name__)

DPI = 150
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextlib.contextmanager
def default_style() -> Iterator[None]:
    """Uses matplotlib's defaults for a while: the user's style may need LaTeX, or fonts that are not installed."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        yield


def save(figure: Figure, path: Path) -> None:
    """Writes a figure as PNG, whole or not at all; a wide legend or title makes the figure wider."""
    with whole_file(path) as temporary:
        figure.savefig(temporary, dpi=DPI, format="png", backend="agg", bbox_inches="tight")


def plain(text: str) -> str:
    """Returns a text that matplotlib shows as it is: it would take text between two dollar signs as a formula."""
    return text.replace("$", r"\$")


def in_default_style(draw: Callable[..., None]) -> Callable[..., None]:
    """Decorates a function that draws and saves a figure, so that it uses matplotlib's defaults."""

    @functools.wraps(draw)
    def drawn(*args: Any, **kwargs: Any) -> None:
        with default_style():
            draw(*args, **kwargs)

    return drawn


def drawn_if_possible(draw: Callable[..., None]) -> Callable[..., bool]:
    """Decorates a function that draws a figure, so that a failure is a warning: the numbers matter more.

    The first argument of the function is the figure's path. The decorated function returns whether it drew the figure.

    Raises:
        OSError: the disk is full, so that nothing else can be written either.
    """

    @functools.wraps(draw)
    def drawn(path: Path, *args: Any, **kwargs: Any) -> bool:
        try:
            with default_style():
                draw(path, *args, **kwargs)
        except Exception as error:
            if isinstance(error, OSError) and error.errno in FULL:
                raise
            path.unlink(missing_ok=True)  # an earlier figure would show other numbers
            logger.warning("no figure %s: %s: %s", path, type(error).__name__, first_line(error))
            return False
        return True

    return drawn
