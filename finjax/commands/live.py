"""The command `finjax live`: live decoding, with the page in the browser."""

import sys

from finjax.live import __main__ as live
from finjax.web.option import WebOption


def main(arguments: list[str] | None = None, *, prog: str = "finjax live") -> int:
    """Runs a session; returns the exit status."""
    return live.main(arguments, prog=prog, addition=WebOption())


if __name__ == "__main__":
    sys.exit(main())
