"""`python -m finjax`: the command `finjax`."""

import sys

from finjax.commands.main import main

if __name__ == "__main__":
    sys.exit(main())
