"""JAX's default types, as finjax is tested with them, whatever the environment or the user's own code sets.

Many scripts switch 64 bits on for other work (`JAX_ENABLE_X64=1`, `jax.config.update("jax_enable_x64", True)`). Every
public function that computes puts JAX's own defaults back while it runs, in its thread alone, so that its numbers and
checkpoints are the same. What a user chooses between speed and precision (`jax_default_matmul_precision`) stays.
"""

import contextlib
import functools
from collections.abc import Callable

import jax

# By the name of the context manager `jax.NAME`, which sets `jax.config.jax_NAME`.
DEFAULTS = {"enable_x64": False, "numpy_dtype_promotion": "standard", "threefry_partitionable": True}


def with_jax_defaults(function: Callable) -> Callable:
    """Decorates a function: JAX's default types hold while it runs. Not for generators, which run in parts."""

    @functools.wraps(function)
    def with_defaults(*arguments, **named):
        with contextlib.ExitStack() as stack:
            for name, value in DEFAULTS.items():
                # A setting that a later JAX no longer has cannot differ.
                if getattr(jax.config, f"jax_{name}", value) != value:
                    stack.enter_context(getattr(jax, name)(value))
            return function(*arguments, **named)

    return with_defaults
