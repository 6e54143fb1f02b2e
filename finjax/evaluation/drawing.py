"""How figures are drawn: as PNG and in matplotlib's own defaults, whatever the user has set up for other figures."""

import contextlib
import errno
import functools
import logging
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

# Matplotlib refuses to be imported where this names a backend that is not installed. A process inherits it from the
# notebook that started it. Below it is set where it can be.
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
    """Sets matplotlib to its own defaults for a while: the user's may need LaTeX, or fonts that are not here."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        yield


def save(figure: Figure, path: Path) -> None:
    """Writes a figure as PNG, whole or not at all; a legend or title wider than the figure makes it wider."""
    with whole_file(path) as temporary:
        figure.savefig(temporary, dpi=DPI, format="png", backend="agg", bbox_inches="tight")


def plain(text: str) -> str:
    """Returns a name as matplotlib shows it unchanged: what stands between two dollars would be a formula."""
    return text.replace("$", r"\$")


def in_default_style(draw: Callable[..., None]) -> Callable[..., None]:
    """Decorates a function that draws and saves a figure: it does so in matplotlib's defaults."""

    @functools.wraps(draw)
    def drawn(*args, **kwargs) -> None:
        with default_style():
            draw(*args, **kwargs)

    return drawn


def drawn_if_possible(draw: Callable[..., None]) -> Callable[..., bool]:
    """Decorates a function that draws a figure beside numbers: where it fails, that is a warning.

    The function takes the figure's path first. It then tells whether there is a figure.

    Raises:
        OSError: the disk is full: then nothing else can be written either.
    """

    @functools.wraps(draw)
    def drawn(path: Path, *args, **kwargs) -> bool:
        try:
            with default_style():
                draw(path, *args, **kwargs)
        except Exception as error:
            if isinstance(error, OSError) and error.errno in FULL:
                raise
            path.unlink(missing_ok=True)  # an earlier one would show other numbers
            logger.warning("no figure %s: %s: %s", path, type(error).__name__, first_line(error))
            return False
        return True

    return drawn
