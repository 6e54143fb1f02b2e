"""Whether JAX has the devices that it was told to use: asked before anything else is blamed."""

import os

import jax

from finjax.errors import DeviceError
from finjax.system.files import first_line


def require_devices() -> None:
    """Raises `DeviceError` where JAX cannot start the devices it was told to use."""
    try:
        jax.devices()
    except (RuntimeError, AssertionError) as error:  # bare, where CUDA is asked for and its plugin is not installed
        asked = jax.config.jax_platforms
        source = f"JAX_PLATFORMS={asked}" if os.environ.get("JAX_PLATFORMS") == asked else f"jax_platforms={asked!r}"
        said = f" JAX says: {first_line(error).partition(' (set JAX')[0]}." if str(error) else ""
        raise DeviceError(
            (f"{source}: JAX cannot use {asked} on this machine." if asked else "JAX finds no device to compute on.")
            + f"{said} Install the driver and JAX's package for it, or compute on the CPU: set JAX_PLATFORMS=cpu"
        ) from error
