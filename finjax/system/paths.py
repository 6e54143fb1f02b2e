"""Paths must be local: URLs of other storage are refused."""

import os
import re

from finjax.errors import ConfigError

# One letter and a colon is a drive of Windows. `pathlib` writes `gs://bucket` as `gs:/bucket`.
_URL = re.compile(r"\s*([A-Za-z][A-Za-z0-9+.-]+):/")


def literal(path: str | os.PathLike) -> str:
    """Returns a path as part of a pattern such as `runs/fin_{feature}`, in which its own braces stay as they are."""
    return os.fspath(path).replace("{", "{{").replace("}", "}}")


def refuse_url(path: str | os.PathLike, *, option: str = "") -> None:
    """Raises `ConfigError` if a path is a URL such as `gs://bucket/runs`.

    Args:
        path: folder or file that the user gave.
        option: the option that gave it, as `"--workdir"`; empty for a positional argument.
    """
    if not (match := _URL.match(os.fspath(path))):
        return
    scheme = match[1].lower()
    remedy = (
        f"leave out {scheme}://"
        if scheme == "file"
        else "mount that storage and give its folder here, or copy the files from and to a local folder"
    )
    named = f"{option}={path}" if option else path
    raise ConfigError(f"{named}: finjax reads and writes only local paths, no {scheme}:// addresses. Please {remedy}")
