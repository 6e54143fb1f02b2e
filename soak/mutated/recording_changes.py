"""Changes of recordings: of the fields of MATLAB files, of archives of these, and of text files of 3DC."""

import random
from pathlib import Path

import h5py
import numpy as np
import scipy.sparse

from soak.mutated.byte_changes import BYTES
from soak.mutated.sources import MAT, mat_5, mat_73, mat_fields, unzipped, zipped


def _change_field(rng: random.Random, fields: dict) -> str:
    """Changes what a field holds; returns how."""
    name = rng.choice(("emg", "emg", "restimulus", "rerepetition", "subject", "exercise"))
    values = fields[name]
    row = rng.randrange(len(values))
    kind = rng.choice(("rename", "drop", "type", "shape", "value", "length", "swap", "huge"))
    match kind:
        case "rename":
            fields[rng.choice((name.upper(), name + "2", "x"))] = fields.pop(name)
        case "drop":
            del fields[name]
        case "type":
            types = ("int8", "uint16", "int64", "float32", "float64", "complex64", "bool")
            fields[name] = values.astype(rng.choice(types))
        case "shape":
            shapes = (
                values.T,
                values[:, :-1],
                np.hstack([values, values]),
                values.reshape(-1),
                values[None],
                values[:0],
            )
            fields[name] = rng.choice(shapes)
        case "value":
            changed = values.astype(np.float64)
            changed[row, rng.randrange(changed.shape[1])] = rng.choice(
                (np.nan, np.inf, -np.inf, 1e300, -1, 18, 99, 100, 255, 32768, 65536, 65537, 2**32, 0.5)
            )
            fields[name] = changed
        case "length":
            fields[name] = values[: len(values) - rng.choice((1, 2, 100, 255, 256, 257, 600))]
        case "swap":
            other = rng.choice(("emg", "restimulus", "subject"))
            fields[name], fields[other] = fields[other], fields[name]
        case "huge":
            fields[name] = np.tile(values, (rng.choice((2, 50)), 1))
    return f"{kind} of {name}"


def _put_mat_5_type(rng: random.Random, fields: dict) -> str:
    """Puts a value into a field that only MATLAB v5 can hold; returns which."""
    name = rng.choice(("emg", "restimulus", "rerepetition", "subject"))
    odd = {
        "cell": np.array([[1, "two"]], object),
        "struct": {"a": 1, "b": {"c": np.zeros(3)}},
        "text": "emg",
        "sparse": scipy.sparse.csc_matrix(np.eye(3)),
        "empty": np.zeros((0, 0)),
    }
    kind = rng.choice(sorted(odd))
    fields[name] = odd[kind]
    return f"{name} is {kind}"


def _changed_mat_5(rng: random.Random, *, compressed: bool) -> tuple[str, bytes]:
    """Returns what was changed, and a MATLAB v5 file with one field changed."""
    fields = mat_fields()
    what = rng.choice((_change_field, _change_field, _put_mat_5_type))(rng, fields)
    return what, mat_5(fields, compressed=compressed)


def change_mat(rng: random.Random, folder: Path) -> str:
    """Rewrites a MATLAB v5 file with one field changed."""
    what, content = _changed_mat_5(rng, compressed=True)
    (folder / MAT).write_bytes(content)
    return what


def change_mat_dimensions(rng: random.Random, folder: Path) -> str:
    """Changes the numbers in a header of an uncompressed MATLAB file: types, flags, sizes, dimensions."""
    content = bytearray((folder / MAT).read_bytes())
    name = rng.choice((b"emg", b"restimulus", b"rerepetition"))
    header = content.index(name) - 40  # tag, flags and dimensions come before the name
    offset = header + 4 * rng.randrange(10)
    number = rng.choice((0, 1, 2, 7, 8, 11, 13, 1199, 1201, 2**16, 2**24, 2**31 - 1, 2**32 - 1, 2**30))
    content[offset : offset + 4] = number.to_bytes(4, "little")
    (folder / MAT).write_bytes(content)
    return f"{number} at byte {offset}, in the header of {name.decode()}"


def change_mat_73(rng: random.Random, folder: Path) -> str:
    """Rewrites a MATLAB v7.3 file with one dataset changed."""
    fields = mat_fields()
    kind = rng.choice(("field", "field", "huge", "external link", "external data", "group", "text", "references"))
    if kind == "field":
        what = _change_field(rng, fields)
        (folder / MAT).write_bytes(mat_73(fields))
        return what
    name = rng.choice(("emg", "restimulus", "rerepetition"))
    del fields[name]
    path = folder / MAT
    path.write_bytes(mat_73(fields))
    with h5py.File(path, "r+") as mat:
        match kind:
            case "huge":
                mat.create_dataset(name, (12, 10 ** rng.randrange(5, 13)), "f8", chunks=(12, 1000))
            case "external link":
                mat[name] = h5py.ExternalLink("/etc/passwd", name)
            case "external data":
                mat.create_dataset(name, (12, 1200), "u1", external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)])
            case "group":
                mat.create_group(name)["a"] = 1
            case "text":
                mat[name] = "emg"
            case "references":
                mat.create_dataset(name, (12, 1200), h5py.ref_dtype)
    return f"{name} is {kind}"


def change_zip(rng: random.Random, folder: Path) -> str:
    """Rewrites the archive of a subject: members renamed, doubled, left out, or what they hold changed."""
    (path,) = folder.glob("*.zip")
    members = unzipped(path)
    (name,) = [name for name in members if name.endswith(MAT)]
    kind = rng.choice(("rename", "double", "drop", "climb", "absolute", "field", "nested", "bytes", "bomb"))
    content = members.pop(name)
    match kind:
        case "rename":
            members[rng.choice(("DB2_s1/S2_E1_A1.mat", "S1_E1_A1.MAT", "S1_E1_A1.mat/x"))] = content
        case "double":
            members |= {name: content, f"copy/{MAT}": content}
        case "climb":
            members[f"../../{MAT}"] = content
        case "absolute":
            members[f"/{MAT}"] = content
        case "field":
            members[name] = _changed_mat_5(rng, compressed=True)[1]
        case "nested":
            members[name] = zipped({name: content})
        case "bytes":
            members[name] = rng.choice(BYTES)(rng, content)
        case "bomb":
            members[name] = bytes(1 << 22)
    path.write_bytes(zipped(members))
    return kind


def change_text(rng: random.Random, folder: Path) -> str:
    """Changes a line of a 3DC file, or its name."""
    path = rng.choice(sorted(folder.rglob("*.txt")))
    rows = [line.split(",") for line in path.read_text(encoding="utf-8").splitlines()]
    row, column = rng.randrange(len(rows)), rng.randrange(10)
    kind = rng.choice(("value", "value", "drop", "add", "blank", "separator", "rename", "double", "few", "encoding"))
    odd = ("nan", "inf", "1e400", "0x10", "5.5", "", " ", "99999999999", "1_000", "--3", "١", "\0", "1;2", "True")
    match kind:
        case "value":
            rows[row][column] = rng.choice(odd)
        case "drop":
            del rows[row][column]
        case "add":
            rows[row].insert(column, "7")
        case "blank":
            rows[row] = [""]
        case "separator":
            rows[row] = [rng.choice((";", "\t", " ")).join(rows[row])]
        case "rename":
            path = path.rename(path.with_name(rng.choice(("3dc_EMG_gesture_0_11.txt", "3dc_EMG_gesture_0_1.TXT", "x"))))
        case "double":
            other = folder / "copy" / path.relative_to(folder)
            other.parent.mkdir(parents=True)
            other.write_bytes(path.read_bytes())
        case "few":
            rows = rows[: rng.choice((0, 1, 15))]
    content = "\n".join(",".join(row) for row in rows)
    path.write_text(content, encoding="utf-16" if kind == "encoding" else "utf-8")
    return f"{kind} in {path.name}"
