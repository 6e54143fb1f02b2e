"""Digests that show whether data was read as it was written: compressed floats have no checksum of their own."""

import hashlib
import json
from typing import Any

import jax
import numpy as np


def of_arrays(tree: Any) -> str:
    """Returns the SHA-256 of a tree of arrays: of their paths, dtypes, shapes and values."""
    digest = hashlib.sha256()
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        array = np.asarray(leaf)
        digest.update(f"{jax.tree_util.keystr(path)} {array.dtype.name} {array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def of_json(content: Any) -> str:
    """Returns the SHA-256 of JSON content, the same before writing and after reading."""
    read = json.loads(json.dumps(content))  # tuples become lists, and keys become strings
    return hashlib.sha256(json.dumps(read, sort_keys=True).encode()).hexdigest()


def of_bytes(content: bytes) -> str:
    """Returns the SHA-256 of bytes."""
    return hashlib.sha256(content).hexdigest()
