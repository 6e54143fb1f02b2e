"""Changes to files: of bytes, whatever they mean, and of what they mean."""

import io
import json
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import scipy.sparse

from soak.mutated.sources import MAT, mat_5, mat_73, mat_fields, zipped

# --- Of bytes -------------------------------------------------------------------------------------


def _span(rng: random.Random, content: bytes) -> tuple[int, int]:
    start = rng.randrange(len(content))
    return start, min(len(content), start + rng.choice((1, 4, 16, 64, 512, 4096)))


def flip_bits(rng: random.Random, content: bytes) -> bytes:
    """Flips one to eight bits."""
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 8))):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def flip_early_bits(rng: random.Random, content: bytes) -> bytes:
    """Flips bits of the first kilobyte, where headers are."""
    return flip_bits(rng, content[:1024]) + content[1024:]


def overwrite(rng: random.Random, content: bytes) -> bytes:
    """Writes random bytes, zeros or ones over a block."""
    start, stop = _span(rng, content)
    fill = rng.choice((rng.randbytes(stop - start), bytes(stop - start), b"\xff" * (stop - start)))
    return content[:start] + fill + content[stop:]


def truncate(rng: random.Random, content: bytes) -> bytes:
    """Cuts the end off."""
    return content[: rng.randrange(len(content))]


def remove_block(rng: random.Random, content: bytes) -> bytes:
    """Leaves a block out."""
    start, stop = _span(rng, content)
    return content[:start] + content[stop:]


def repeat_block(rng: random.Random, content: bytes) -> bytes:
    """Writes a block twice."""
    start, stop = _span(rng, content)
    return content[:stop] + content[start:]


def insert_bytes(rng: random.Random, content: bytes) -> bytes:
    """Inserts random bytes."""
    place = rng.randrange(len(content) + 1)
    return content[:place] + rng.randbytes(rng.choice((1, 3, 8, 100))) + content[place:]


def append_bytes(rng: random.Random, content: bytes) -> bytes:
    """Adds bytes, or the whole content once more, to the end."""
    return content + rng.choice((rng.randbytes(rng.choice((1, 50, 3000))), content))


BYTES = (
    flip_bits,
    flip_bits,
    flip_early_bits,
    overwrite,
    truncate,
    remove_block,
    repeat_block,
    insert_bytes,
    append_bytes,
)


def change_bytes(rng: random.Random, folder: Path) -> str:
    """Changes bytes of one file below a folder; returns what was done."""
    path = rng.choice([path for path in sorted(folder.rglob("*")) if path.is_file() and path.stat().st_size])
    change = rng.choice(BYTES)
    path.write_bytes(change(rng, path.read_bytes()))
    return f"{change.__name__} in {path.relative_to(folder)}"


# --- Of MATLAB files ------------------------------------------------------------------------------


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


def _change_v5(rng: random.Random, fields: dict) -> str:
    """Puts what only MATLAB v5 has into a field."""
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


def _v5(rng: random.Random, *, compressed: bool) -> tuple[str, bytes]:
    fields = mat_fields()
    what = rng.choice((_change_field, _change_field, _change_v5))(rng, fields)
    return what, mat_5(fields, compressed=compressed)


def change_mat(rng: random.Random, folder: Path) -> str:
    """Rewrites a MATLAB v5 file with one field changed."""
    what, content = _v5(rng, compressed=True)
    (folder / MAT).write_bytes(content)
    return what


def change_mat_dimensions(rng: random.Random, folder: Path) -> str:
    """Changes the numbers in a header of an uncompressed MATLAB file: types, flags, sizes, dimensions."""
    content = bytearray((folder / MAT).read_bytes())
    name = rng.choice((b"emg", b"restimulus", b"rerepetition"))
    header = content.index(name) - 40  # tag, flags and dimensions come before the name
    place = header + 4 * rng.randrange(10)
    number = rng.choice((0, 1, 2, 7, 8, 11, 13, 1199, 1201, 2**16, 2**24, 2**31 - 1, 2**32 - 1, 2**30))
    content[place : place + 4] = number.to_bytes(4, "little")
    (folder / MAT).write_bytes(content)
    return f"{number} at byte {place}, in the header of {name.decode()}"


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


# --- Of archives ----------------------------------------------------------------------------------


def change_zip(rng: random.Random, folder: Path) -> str:
    """Rewrites the archive of a subject: members renamed, doubled, left out, or what they hold changed."""
    (path,) = folder.glob("*.zip")
    members = _members(path)
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
            members[name] = _v5(rng, compressed=True)[1]
        case "nested":
            members[name] = zipped({name: content})
        case "bytes":
            members[name] = rng.choice(BYTES)(rng, content)
        case "bomb":
            members[name] = bytes(1 << 22)
    path.write_bytes(zipped(members))
    return kind


def change_directory(rng: random.Random, folder: Path) -> str:
    """Changes the numbers in an archive's directory: methods, times, checksums, sizes, lengths, offsets."""
    (path,) = [path for path in folder.iterdir() if path.suffix in (".zip", ".finjax")]
    content = bytearray(path.read_bytes())
    signature = rng.choice((b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06"))
    place = content.index(signature) + 2 * rng.randrange(2, 21)
    number = rng.choice((0, 1, 8, 9, 12, 14, 99, 2**15, 2**16 - 1))
    content[place : place + 2] = number.to_bytes(2, "little")
    path.write_bytes(content)
    return f"{number} at byte {place}"


def _members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


# --- Of text --------------------------------------------------------------------------------------


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


# --- Of models ------------------------------------------------------------------------------------


def _change_json(rng: random.Random, content: bytes) -> bytes:
    """Changes one entry of a JSON file, at any depth."""
    tree = json.loads(content)
    place = tree
    while True:
        key = rng.choice(sorted(place) if isinstance(place, dict) else range(len(place)))
        below = place[key]
        if not isinstance(below, dict | list) or not below or rng.random() < 0.3:
            break
        place = below
    match rng.choice(("drop", "value", "rename")):
        case "drop":
            del place[key]
        case "rename" if isinstance(place, dict):
            place[f"{key}_"] = place.pop(key)
        case _:
            place[key] = rng.choice((None, -1, 0, 1e9, "x", [], {}, True, [[1]], float("nan")))
    return json.dumps(tree).encode()


def _change_array(rng: random.Random, content: bytes) -> bytes:
    """Changes an array of a `.npy` file."""
    array = np.load(io.BytesIO(content))
    odd = [
        np.full_like(array, np.nan), np.zeros_like(array), array * 2, array.astype(np.float64), array.astype("U"),
        array.reshape(-1), array[None], array.astype(np.complex64), array.astype(object),
    ]  # fmt: skip
    file = io.BytesIO()
    np.save(file, rng.choice(odd), allow_pickle=True)  # as a stranger would
    return file.getvalue()


def change_export(rng: random.Random, folder: Path) -> str:
    """Rewrites an exported model, checksums of the archive right: parts changed, renamed, swapped or left out."""
    (path,) = folder.iterdir()
    members = _members(path)
    name, other = rng.sample(sorted(members), 2)
    kind = rng.choice(("content", "content", "content", "rename", "drop", "swap", "empty"))
    match kind:
        case "content":
            change = _change_json if name.endswith("json") else _change_array if name.endswith("npy") else flip_bits
            members[name] = rng.choice((change, change, flip_bits))(rng, members[name])
        case "rename":
            members[rng.choice((f"../{name}", f"/{name}", name.upper()))] = members.pop(name)
        case "drop":
            del members[name]
        case "swap":
            members[name], members[other] = members[other], members[name]
        case "empty":
            members[name] = b""
    path.write_bytes(zipped(members))
    return f"{kind} of {name}"


def change_checkpoint(rng: random.Random, folder: Path) -> str:
    """Changes a file of a checkpoint that says what the others are, or removes, empties, renames or swaps files."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    path, other = rng.sample(files, 2)
    kind = rng.choice(("json", "json", "json", "drop", "empty", "rename", "swap", "copy", "folder"))
    match kind:
        case "json":
            path = rng.choice([path for path in files if path.read_bytes()[:1] == b"{"])
            path.write_bytes(_change_json(rng, path.read_bytes()))
        case "drop":
            path.unlink()
        case "empty":
            path.write_bytes(b"")
        case "rename":
            path.rename(path.with_name(path.name + "_"))
        case "swap":
            one, two = path.read_bytes(), other.read_bytes()
            path.write_bytes(two)
            other.write_bytes(one)
        case "copy":
            path.write_bytes(other.read_bytes())
        case "folder":
            path.unlink()
            path.mkdir()
    return f"{kind} of {path.relative_to(folder)}"


Change = Callable[[random.Random, Path], str]

# As many of bytes as of meaning.
CHANGES: dict[str, tuple[Change, ...]] = {
    "mat": (change_bytes, change_mat),
    "mat_plain": (change_bytes, change_mat_dimensions),
    "mat_73": (change_bytes, change_mat_73),
    "zip": (change_bytes, change_bytes, change_zip, change_directory),
    "three_dc": (change_bytes, change_text),
    "checkpoint": (change_bytes, change_checkpoint),
    "resume": (change_bytes, change_checkpoint),
    "export": (change_bytes, change_bytes, change_export, change_directory),
}
