"""JAX's devices: choosing them, splitting work over them, and keeping memory small."""
