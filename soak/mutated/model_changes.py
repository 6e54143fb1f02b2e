"""Changes of exported models and checkpoints: of their JSON, arrays and files."""

import io
import json
import random
from pathlib import Path

import numpy as np

from soak.mutated.byte_changes import flip_bits
from soak.mutated.sources import unzipped, zipped


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
    members = unzipped(path)
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
