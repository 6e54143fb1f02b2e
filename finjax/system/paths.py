"""Folders and files are those of this machine; addresses of other storage are refused."""

import os
import re

from finjax.errors import ConfigError

# One letter and a colon is a drive of Windows. `pathlib` writes `gs://bucket` as `gs:/bucket`.
_ADDRESS = re.compile(r"\s*([A-Za-z][A-Za-z0-9+.-]+):/")


def refuse_url(path: str | os.PathLike, *, option: str = "") -> None:
    """Raises `ConfigError` where a folder or file is an address such as `gs://bucket/runs`.

    Args:
        path: what the user gave.
        option: where the user gave it, as `"--workdir"`; empty where it is an argument of its own.
    """
    if not (match := _ADDRESS.match(os.fspath(path))):
        return
    scheme = match[1].lower()
    remedy = (
        f"leave {scheme}:// out"
        if scheme == "file"
        else "mount that storage and give its folder here, or copy it from and to a local folder"
    )
    named = f"{option}={path}" if option else path
    raise ConfigError(f"{named}: finjax reads and writes local paths, no {scheme}:// addresses. Please {remedy}")
