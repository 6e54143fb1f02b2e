"""finjax computes with the defaults of NumPy and JAX, whatever a script or the environment has set.

Many scripts enable 64 bits for other work (`JAX_ENABLE_X64=1`, `jax.config.update("jax_enable_x64", True)`). Every
public function that computes restores the defaults while it runs, only in its own thread, so that its numbers and
checkpoints are the same. The user's choice of `jax_default_matmul_precision` is kept.
"""

import contextlib
import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import jax

from finjax.system.arithmetic import numpy_defaults

# The names are those of the context managers `jax.NAME`, which set `jax.config.jax_NAME`.
JAX_DEFAULTS = {"enable_x64": False, "numpy_dtype_promotion": "standard", "threefry_partitionable": True}

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


def with_defaults(function: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result]:
    """Decorates a function: the defaults hold while it runs. Do not use it on generators, which run in parts."""

    @functools.wraps(function)
    def wrapper(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result:
        with contextlib.ExitStack() as stack:
            stack.enter_context(numpy_defaults())
            for name, value in JAX_DEFAULTS.items():
                # A later JAX may no longer have a setting.
                if getattr(jax.config, f"jax_{name}", value) != value:
                    stack.enter_context(getattr(jax, name)(value))
            return function(*args, **kwargs)

    return wrapper
