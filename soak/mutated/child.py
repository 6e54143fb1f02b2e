"""Judges damaged files one after another, and says so line by line: run in a process that may die of one.

python -m soak.mutated.child SOURCES KIND:SEED …
"""

import json
import logging
import sys
from pathlib import Path

from soak.mutated.verdicts import judge


def main() -> None:
    """Prints a line when a file begins, and one when it is judged."""
    logging.disable()
    out, sys.stdout = sys.stdout, sys.stderr  # nothing else may write between the lines
    print("ready", file=out, flush=True)
    for item in sys.argv[2:]:
        kind, seed = item.split(":")
        print(json.dumps([item]), file=out, flush=True)
        print(json.dumps([item, *judge(kind, int(seed), Path(sys.argv[1]))]), file=out, flush=True)


if __name__ == "__main__":
    main()
