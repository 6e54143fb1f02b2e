"""NumPy's and JAX's own defaults, with which finjax computes whatever a script or the environment has set.

Many scripts switch 64 bits on for other work (`JAX_ENABLE_X64=1`, `jax.config.update("jax_enable_x64", True)`). Every
public function that computes puts the defaults back while it runs, in its thread alone, so that its numbers and
checkpoints are the same. What a user chooses between speed and precision (`jax_default_matmul_precision`) stays.
"""

import contextlib
import functools
from collections.abc import Callable

import jax

from finjax.system.arithmetic import numpy_defaults

# By the name of the context manager `jax.NAME`, which sets `jax.config.jax_NAME`.
JAX_DEFAULTS = {"enable_x64": False, "numpy_dtype_promotion": "standard", "threefry_partitionable": True}


def with_defaults(function: Callable) -> Callable:
    """Decorates a function: NumPy's and JAX's defaults hold while it runs. Not for generators, which run in parts."""

    @functools.wraps(function)
    def wrapper(*arguments, **named):
        with contextlib.ExitStack() as stack:
            stack.enter_context(numpy_defaults())
            for name, value in JAX_DEFAULTS.items():
                # A setting that a later JAX no longer has cannot differ.
                if getattr(jax.config, f"jax_{name}", value) != value:
                    stack.enter_context(getattr(jax, name)(value))
            return function(*arguments, **named)

    return wrapper
