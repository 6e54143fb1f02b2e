"""Which changes are tried on each kind of file."""

import random
from collections.abc import Callable
from pathlib import Path

from soak.mutated.byte_changes import change_bytes, change_directory
from soak.mutated.model_changes import change_checkpoint, change_export
from soak.mutated.recording_changes import (
    change_mat,
    change_mat_73,
    change_mat_dimensions,
    change_text,
    change_zip,
)

Change = Callable[[random.Random, Path], str]

# Changes of bytes are as frequent as changes of meaning. A seed chooses by position: keep the order.
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
