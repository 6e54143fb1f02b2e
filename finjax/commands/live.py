"""The command `finjax live`: live decoding, with the page in the browser."""

import sys


def main(arguments: list[str] | None = None, *, prog: str = "finjax live") -> int:
    """Runs a session; returns the exit status."""
    # The processes that a session starts import the main module again, and the web server needs no JAX.
    from finjax.live import __main__ as live
    from finjax.web.option import WebOption

    return live.main(arguments, prog=prog, addition=WebOption())


if __name__ == "__main__":
    sys.exit(main())
