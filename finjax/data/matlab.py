"""Reads named variables from MATLAB files, also in zip archives, and writes MATLAB files."""

import io
import math
import os
import uuid
import zipfile
from pathlib import Path
from typing import BinaryIO

import h5py
import numpy as np
import scipy  # loads its modules when they are used

from finjax.data.matlab_headers import IncompleteError, cut_out, is_damaged, variables
from finjax.system.archives import METHODS, read_member

# Limits, so that a broken file cannot fill the memory.
MAX_MEMBER_BYTES = 4 << 30  # ten times the largest recording
MAX_VALUES = 1 << 26  # of one variable: 46 minutes of twelve channels, three times the largest
ENCRYPTED = 1  # bit of a zip member's flags
DEFLATE_RATIO = 1032  # at most so many bytes from one packed byte
HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
HDF5_OFFSET = 512  # MATLAB's own header comes first


class UnusableError(ValueError):
    """A file's content cannot be used; the caller adds the file's name to the message.

    Attributes:
        remedy: what to do, as the start of a sentence.
    """

    def __init__(self, message: str, *, remedy: str = "Download it again") -> None:
        super().__init__(message)
        self.remedy = remedy


def load(path: Path, names: tuple[str, ...], *, member: str) -> dict[str, np.ndarray]:
    """Reads variables of a MATLAB v5 or v7.3 file; other variables are not read.

    Args:
        path: the `.mat` file, or a `.zip` archive that contains it; nothing is unpacked to disk.
        names: the variables to read.
        member: base name of the file in the archive, in any folder.

    Returns:
        The variables that the file has, with MATLAB's shapes (a column of `N` is `[N, 1]`).

    Raises:
        UnusableError: the file is damaged, or the archive does not contain `member` exactly once.
        OSError: the file cannot be opened or read.
    """
    with path.open("rb") as file:
        try:
            return _load_fields(_open_member(file, member) if path.suffix == ".zip" else file, names)
        except (UnusableError, MemoryError):
            raise
        except IncompleteError as error:
            raise UnusableError(f"incomplete: {error}") from error
        except Exception as error:  # scipy, zlib and h5py raise many errors for damaged bytes
            if isinstance(error, OSError) and error.errno is not None:  # an error of the disk or system
                raise
            detail = (str(error).strip().splitlines() or ["no detail"])[0]
            raise UnusableError(
                f"damaged or incomplete: it cannot be read ({type(error).__name__}: {detail})"
            ) from error


def _open_member(file: BinaryIO, name: str) -> BinaryIO:
    """Returns the member with this base name, in memory; ignores all other members."""
    with zipfile.ZipFile(file) as archive:
        members = [info for info in archive.infolist() if info.filename.rsplit("/", 1)[-1] == name]
        if len(members) != 1:
            others = sorted({info.filename.rsplit("/", 1)[-1] for info in archive.infolist()} - {"", name})
            raise UnusableError(
                f"the archive must contain {name} once; it does {len(members)} times, with {', '.join(others[:6])}",
                remedy="Check whether it is of another database or exercise, download it again",
            )
        if members[0].flag_bits & ENCRYPTED or members[0].compress_type not in METHODS:
            raise UnusableError(
                "the archive is encrypted, or packed by a method that finjax cannot read",
                remedy="Unpack it and delete the archive",
            )
        return io.BytesIO(read_member(archive, members[0], limit=MAX_MEMBER_BYTES))


def _load_fields(file: BinaryIO, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    header = file.read(HDF5_OFFSET + len(HDF5_SIGNATURE))
    file.seek(0)
    if HDF5_SIGNATURE not in (header[: len(HDF5_SIGNATURE)], header[HDF5_OFFSET:]):
        return _load_version_5(file, names)
    with h5py.File(file, "r") as mat:
        datasets = {name: _numeric_dataset(mat, name) for name in names if mat.get(name, getlink=True) is not None}
        return {name: np.asarray(dataset).T for name, dataset in datasets.items()}  # HDF5 stores the axes reversed


def _load_version_5(file: BinaryIO, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    version, _ = scipy.io.matlab.matfile_version(file)
    if version != 1:
        raise UnusableError(
            "it is not a MATLAB file of version 5 or 7.3", remedy="Download it again, save it in MATLAB with -v7"
        )
    # Headers first: the content is read only if they are plausible.
    found, unknown = variables(file)
    wanted = [variable for variable in found if variable.name in names]
    if missing := set(names) - {variable.name for variable in wanted}:
        # One flipped byte can hide a variable or change its name: a missing one may be there.
        places = sorted([*unknown, *(variable.start for variable in found if is_damaged(file, variable))])
        if places:
            raise UnusableError(
                f"damaged: the variable at byte {places[0]} cannot be read, and may be "
                f"{' or '.join(name for name in names if name in missing)}"
            )
    for variable in wanted:
        if not variable.numeric:
            raise UnusableError(f"{variable.name} is not a numeric array")
        _refuse_huge(variable.name, math.prod(variable.shape))
    present = [variable.name for variable in wanted]
    if len(set(present)) < len(present):
        raise UnusableError(f"it has one of these variables twice: {', '.join(present)}")
    if damaged := [variable.name for variable in wanted if is_damaged(file, variable)]:
        raise UnusableError(f"damaged: {', '.join(damaged)} cannot be unpacked, or the checksum is wrong")
    loaded = scipy.io.loadmat(io.BytesIO(cut_out(file, wanted)), variable_names=present)
    return {name: loaded[name] for name in present}


def _numeric_dataset(mat: h5py.File, name: str) -> h5py.Dataset:
    """Returns a dataset that is stored in the file itself: HDF5 can also refer to other files of the machine."""
    inside = isinstance(mat.get(name, getlink=True), h5py.HardLink)
    dataset = mat[name] if inside else None
    if not isinstance(dataset, h5py.Dataset) or dataset.dtype.kind not in "iufc":
        raise UnusableError(f"{name} is not a numeric array")
    if dataset.external or dataset.is_virtual:
        raise UnusableError(f"{name} is not in the file, but refers to another file")
    _refuse_huge(name, dataset.size or 0)
    if dataset.nbytes > DEFLATE_RATIO * (dataset.id.get_storage_size() + DEFLATE_RATIO):
        raise UnusableError(f"{name} should have {dataset.size} values, but most of them are not in the file")
    return dataset


def _refuse_huge(name: str, values: int) -> None:
    if values > MAX_VALUES:
        raise UnusableError(f"{name} would have {values} values; the limit is {MAX_VALUES}")


def save(path: str | Path, fields: dict[str, np.ndarray]) -> None:
    """Writes a MATLAB v5 file, vectors as columns; replaces `path` only by the complete file.

    Raises:
        OSError: the file cannot be written; an existing file at `path` is unchanged.
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
