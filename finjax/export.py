"""The old name of `finjax.inference.export`."""

import sys

from finjax.inference.export import DEFAULT_PLATFORMS, PLATFORMS, export_model, main
from finjax.system.moved import warn_moved

__all__ = ["DEFAULT_PLATFORMS", "PLATFORMS", "export_model", "main"]

warn_moved("finjax.export", "finjax.inference.export")

if __name__ == "__main__":
    sys.exit(main())
