"""Digests that tell whether what is read is what was written: compressed floats have no check of their own."""

import hashlib
import json

import jax
import numpy as np


def of_arrays(tree) -> str:
    """Returns the SHA-256 of a tree of arrays: of their places in it, types, shapes and values."""
    digest = hashlib.sha256()
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        array = np.asarray(leaf)
        digest.update(f"{jax.tree_util.keystr(path)} {array.dtype.name} {array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def of_json(content) -> str:
    """Returns the SHA-256 of JSON content, the same before it is written and after it is read."""
    read = json.loads(json.dumps(content))  # tuples become lists, and keys text
    return hashlib.sha256(json.dumps(read, sort_keys=True).encode()).hexdigest()


def of_bytes(content: bytes) -> str:
    """Returns the SHA-256 of bytes."""
    return hashlib.sha256(content).hexdigest()
