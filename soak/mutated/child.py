"""Judges damaged files one after another and prints the verdicts, in a process that a file may crash.

python -m soak.mutated.child SOURCES KIND:SEED …
"""

import json
import logging
import sys
from pathlib import Path

from soak.mutated.verdicts import judge


def main() -> None:
    """Prints a line before each file is read, and a line when it is judged."""
    logging.disable()
    out, sys.stdout = sys.stdout, sys.stderr  # nothing else may write between the lines
    print("ready", file=out, flush=True)
    for item in sys.argv[2:]:
        kind, seed = item.split(":")
        print(json.dumps([item]), file=out, flush=True)
        print(json.dumps([item, *judge(kind, int(seed), Path(sys.argv[1]))]), file=out, flush=True)


if __name__ == "__main__":
    main()
