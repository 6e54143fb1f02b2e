"""MATLAB files: named variables read from a `.mat` file or out of a zip archive, and written safely."""

import io
import os
import uuid
import zipfile
from pathlib import Path
from typing import BinaryIO

import h5py
import numpy as np
import scipy.io

MAX_MEMBER_BYTES = 4 << 30  # ten times the largest recording: a broken archive must not fill the memory
HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
HDF5_OFFSET = 512  # MATLAB's own header comes first


class UnusableError(ValueError):
    """What is wrong with a file's content; whoever reports it adds the file's name and the remedy."""


def load(path: Path, names: tuple[str, ...], *, member: str) -> dict[str, np.ndarray]:
    """Reads variables of a MATLAB v5 or v7.3 file, and nothing else of it.

    Args:
        path: the `.mat` file, or a `.zip` archive that holds it; nothing is unpacked to disk.
        names: the variables wanted.
        member: base name of the file within an archive, in whatever folder there.

    Returns:
        Those of the variables that the file holds, with MATLAB's shapes (a column of `N` is `[N, 1]`).

    Raises:
        UnusableError: the file is damaged, or the archive does not hold `member` exactly once.
        OSError: the file cannot be opened.
    """
    with path.open("rb") as file:
        try:
            return _load_fields(_open_member(file, member) if path.suffix == ".zip" else file, names)
        except UnusableError:
            raise
        except Exception as error:  # scipy, zlib and h5py raise all sorts of things at damaged bytes
            detail = (str(error).strip().splitlines() or ["no detail"])[0]
            raise UnusableError(
                f"damaged or incomplete, it cannot be read ({type(error).__name__}: {detail})"
            ) from error


def _open_member(file: BinaryIO, name: str) -> BinaryIO:
    """Returns the archive's member of that base name, in memory; all other members are ignored."""
    with zipfile.ZipFile(file) as archive:
        members = [info for info in archive.infolist() if info.filename.rsplit("/", 1)[-1] == name]
        if len(members) != 1:
            raise UnusableError(f"the archive must hold {name} once, but holds it {len(members)} times")
        size = members[0].file_size
        if size > MAX_MEMBER_BYTES:
            raise UnusableError(f"{name} would unpack to {size} bytes: no recording is that long")
        return io.BytesIO(archive.read(members[0]))


def _load_fields(file: BinaryIO, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    header = file.read(HDF5_OFFSET + len(HDF5_SIGNATURE))
    file.seek(0)
    if HDF5_SIGNATURE not in (header[: len(HDF5_SIGNATURE)], header[HDF5_OFFSET:]):
        loaded = scipy.io.loadmat(file, variable_names=names)
        return {name: loaded[name] for name in names if name in loaded}
    with h5py.File(file, "r") as mat:
        found = [name for name in names if name in mat]
        for name in found:
            if not isinstance(mat[name], h5py.Dataset):
                raise UnusableError(f"{name} is not a numeric array")
        return {name: np.asarray(mat[name]).T for name in found}  # HDF5 stores the axes reversed


def save(path: str | Path, fields: dict[str, np.ndarray]) -> None:
    """Writes a MATLAB v5 file, vectors as columns; `path` is replaced only by the complete file.

    Raises:
        OSError: the file cannot be written; what was at `path` is left as it was.
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with partial.open("wb") as file:
            scipy.io.savemat(file, fields, oned_as="column", do_compression=True)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
