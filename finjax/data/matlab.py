"""MATLAB files: named variables read from a `.mat` file or out of a zip archive, and written safely."""

import io
import math
import os
import uuid
import zipfile
from pathlib import Path
from typing import BinaryIO

import h5py
import numpy as np
import scipy.io

from finjax.data.matlab_headers import IncompleteError, cut_out, is_damaged, variables
from finjax.system.archives import METHODS, read_member

# A broken file must not fill the memory.
MAX_MEMBER_BYTES = 4 << 30  # ten times the largest recording
MAX_VALUES = 1 << 26  # of one variable: 46 minutes of twelve channels, thrice the largest
ENCRYPTED = 1  # bit of a zip member's flags
DEFLATE_RATIO = 1032  # bytes that a packed one can stand for
HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
HDF5_OFFSET = 512  # MATLAB's own header comes first


class UnusableError(ValueError):
    """What is wrong with a file's content; whoever reports it adds the file's name.

    Attributes:
        remedy: what to do about it, as the beginning of a sentence.
    """

    def __init__(self, message: str, *, remedy: str = "Download it again"):
        super().__init__(message)
        self.remedy = remedy


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
        OSError: the file cannot be opened or read.
    """
    with path.open("rb") as file:
        try:
            return _load_fields(_open_member(file, member) if path.suffix == ".zip" else file, names)
        except (UnusableError, MemoryError):
            raise
        except IncompleteError as error:
            raise UnusableError(f"incomplete: {error}") from error
        except Exception as error:  # scipy, zlib and h5py raise all sorts of things at damaged bytes
            if isinstance(error, OSError) and error.errno is not None:  # the disk's or the system's fault
                raise
            detail = (str(error).strip().splitlines() or ["no detail"])[0]
            raise UnusableError(
                f"damaged or incomplete, it cannot be read ({type(error).__name__}: {detail})"
            ) from error


def _open_member(file: BinaryIO, name: str) -> BinaryIO:
    """Returns the archive's member of that base name, in memory; all other members are ignored."""
    with zipfile.ZipFile(file) as archive:
        members = [info for info in archive.infolist() if info.filename.rsplit("/", 1)[-1] == name]
        if len(members) != 1:
            others = sorted({info.filename.rsplit("/", 1)[-1] for info in archive.infolist()} - {"", name})
            raise UnusableError(
                f"the archive must hold {name} once, but holds it {len(members)} times, and {', '.join(others[:6])}",
                remedy="See whether it is of another database or exercise (--config.data.name) or download it again",
            )
        if members[0].flag_bits & ENCRYPTED or members[0].compress_type not in METHODS:
            raise UnusableError(
                "the archive is encrypted, or packed in a way that only other programs know",
                remedy="Unpack it and remove the archive",
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
            "it is no MATLAB file of version 5 or 7.3", remedy="Download it again or save it from MATLAB with -v7"
        )
    # Headers first: what they promise is not read unless it is sane.
    found, unknown = variables(file)
    wanted = [variable for variable in found if variable.name in names]
    if missing := set(names) - {variable.name for variable in wanted}:
        # One flipped byte hides a variable or changes its name: what is missing may be there.
        places = sorted([*unknown, *(variable.start for variable in found if is_damaged(file, variable))])
        if places:
            raise UnusableError(
                f"damaged: the variable at byte {places[0]} cannot be read, and it may be "
                f"{' or '.join(name for name in names if name in missing)}"
            )
    for variable in wanted:
        if not variable.numeric:
            raise UnusableError(f"{variable.name} is not a numeric array")
        _refuse_huge(variable.name, math.prod(variable.shape))
    found = [variable.name for variable in wanted]
    if len(set(found)) < len(found):
        raise UnusableError(f"it holds a variable twice, of {', '.join(found)}")
    if damaged := [variable.name for variable in wanted if is_damaged(file, variable)]:
        raise UnusableError(f"damaged: {', '.join(damaged)} cannot be unpacked, or not to what was packed")
    loaded = scipy.io.loadmat(io.BytesIO(cut_out(file, wanted)), variable_names=found)
    return {name: loaded[name] for name in found}


def _numeric_dataset(mat: h5py.File, name: str) -> h5py.Dataset:
    """Returns a dataset that lies in the file itself: HDF5 can also point at other files of the machine."""
    inside = isinstance(mat.get(name, getlink=True), h5py.HardLink)
    if not inside or not isinstance(mat[name], h5py.Dataset) or mat[name].dtype.kind not in "iufc":
        raise UnusableError(f"{name} is not a numeric array")
    if mat[name].external or mat[name].is_virtual:
        raise UnusableError(f"{name} is not in the file, but points at another")
    _refuse_huge(name, mat[name].size or 0)
    if mat[name].nbytes > DEFLATE_RATIO * (mat[name].id.get_storage_size() + DEFLATE_RATIO):
        raise UnusableError(f"{name} should have {mat[name].size} values, and hardly any is in the file")
    return mat[name]


def _refuse_huge(name: str, values: int) -> None:
    if values > MAX_VALUES:
        raise UnusableError(f"{name} would have {values} values: no recording has more than {MAX_VALUES}")


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
