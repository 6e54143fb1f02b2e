"""Reads exported programs, and refuses all but a function of windows that only computes."""

import re

import numpy as np
from jax import export

from finjax.errors import CheckpointError

# A custom call runs machine code by name, such as a Python callback, and may pass it addresses. finjax's programs have
# only one, which checks the size of the batch when they are compiled.
HARMLESS_CALLS = ("shape_assertion",)
CALL = rf"custom_call @(?:{'|'.join(HARMLESS_CALLS)})\("
OUTSIDE = r"\b(?:infeed|outfeed|send|recv|composite)\b"  # transfers to and from the host; other libraries' operations


def read_program(serialised: bytes, *, window: tuple[int, ...], outputs: tuple[int, ...]) -> export.Exported:
    """Reads a program of float32 windows `[B, …]`, and refuses it if it does more than compute.

    Args:
        serialised: the program, as `jax.export` wrote it.
        window: the shape of one window.
        outputs: the shape of the output for one window.

    Raises:
        CheckpointError: the program has other inputs or outputs, or calls code outside it.
    """
    program = export.deserialize(bytearray(serialised))
    expected = [("takes", program.in_avals, window), ("gives", program.out_avals, outputs)]
    for verb, avals, shape in expected:
        found = [(aval.dtype, aval.shape[1:], len(aval.shape)) for aval in avals]
        if found != [(np.float32, shape, len(shape) + 1)]:
            raise CheckpointError(f"its program {verb} {', '.join(map(str, avals))}, not float32 {['B', *shape]}")
    text = program.mlir_module()
    calls = re.findall(r"custom_call.{0,80}", text)
    strange = [call for call in calls if not re.match(CALL, call)] + re.findall(rf"stablehlo\.{OUTSIDE}", text)
    if strange or program.ordered_effects or program.unordered_effects or program.nr_devices != 1:
        what = strange[0] if strange else "side effects"
        raise CheckpointError(f"its program does more than compute ({what}): do not use it")
    return program
