"""Programs of model files: those that only compute are read, and others are refused before they run."""

import jax
import numpy as np
import pytest
from jax import export

from finjax.errors import CheckpointError
from finjax.inference.programs import read_program

CALLBACKS = ("xla_python_cpu_callback", "xla_ffi_python_cpu_callback", "somebodys_own_library")


def program_of(function, shape="b, 60"):
    windows = jax.ShapeDtypeStruct(export.symbolic_shape(shape), np.float32)
    unchecked = [export.DisabledSafetyCheck.custom_call(name) for name in CALLBACKS]
    return bytes(export.export(jax.jit(function), platforms=("cpu",), disabled_checks=unchecked)(windows).serialize())


def calls(name):
    """Returns a function of windows that calls machine code by name; JAX writes no Python callback to a file."""
    scalar = jax.ShapeDtypeStruct((), np.float32)
    return lambda windows: windows[:, 0] * jax.ffi.ffi_call(name, scalar)(windows.sum(), index=np.uint64(0))


def read(program):
    return read_program(program, window=(60,), outputs=())


def test_a_program_that_computes_is_read_and_runs():
    program = read(program_of(lambda x: x.sum(axis=1)))
    np.testing.assert_array_equal(program.call(np.ones((3, 60), np.float32)), [60, 60, 60])


@pytest.mark.parametrize("function", [*map(calls, CALLBACKS), lambda x: jax.lax.linalg.qr(x[:, None, :])[0][:, 0, 0]])
def test_a_program_that_calls_machine_code_by_name_is_refused(function):
    with pytest.raises(CheckpointError, match=r"does more than compute \(custom_call @.*do not use it"):
        read(program_of(function))


@pytest.mark.parametrize(
    ("function", "shape", "message"),
    [
        (lambda x: x[:, 0], "b, 50", r"takes float32\[b,50\], not float32 \['B', 60\]"),
        (lambda x: x, "b, 60", r"gives float32\[b,60\], not float32 \['B'\]"),
        (lambda x: x[:, 0] > 0, "b, 60", r"gives bool\[b\]"),
        (lambda x: (x[:, 0], x[:, 0]), "b, 60", r"gives float32\[b\], float32\[b\]"),
    ],
)
def test_a_program_of_other_windows_is_refused(function, shape, message):
    with pytest.raises(CheckpointError, match=message):
        read(program_of(function, shape))
