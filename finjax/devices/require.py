"""Checks that JAX can use the devices that it was told to use, before another error hides the cause."""

import os

import jax

from finjax.errors import DeviceError
from finjax.system.files import first_line


def require_devices() -> None:
    """Raises `DeviceError` if JAX cannot use the devices that it was told to use."""
    try:
        jax.devices()
    except (RuntimeError, AssertionError) as error:  # AssertionError if the plugin of CUDA is missing
        asked = jax.config.jax_platforms  # pyright: ignore[reportAttributeAccessIssue]
        source = f"JAX_PLATFORMS={asked}" if os.environ.get("JAX_PLATFORMS") == asked else f"jax_platforms={asked!r}"
        said = f" JAX says: {first_line(error).partition(' (set JAX')[0]}." if str(error) else ""
        raise DeviceError(
            (f"{source}: JAX cannot use {asked} on this machine." if asked else "JAX finds no device to compute on.")
            + f"{said} Install the driver and JAX's package for it (in a checkout "
            "pip install '.[gpu]' or '.[tpu]'), or use the CPU: set JAX_PLATFORMS=cpu"
        ) from error
