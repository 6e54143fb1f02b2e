"""Records a person who is led through movements, and writes the samples with their labels as BIDS.

    finjax record --source=brainflow:synthetic --movements=rest,fist,open my_data      # try it without a device
    finjax record --source=lsl:armband --movements=rest,fist,open,pinch my_data
    finjax record --source=lsl:armband --repetitions=1 my_data                         # later: one more repetition
    finjax record --source=lsl:armband --subject=2 my_data                             # another person

First it checks the electrodes (`--check=0`: not). While it records, what was received is on the disk within a second.
Keys: space pauses, r does a movement again, s skips it, a adds a repetition, q ends. Ctrl-C and SIGTERM end it too;
all that was recorded is kept. Exit status 0; 1 if the source failed or ended before the person did.
"""

import sys
from collections.abc import Iterator

from finjax.acquisition.guided import run
from finjax.acquisition.options import check, parser
from finjax.system.console import any_terminal
from finjax.system.programs import print_report


@any_terminal()
def main(arguments: list[str] | None = None, *, prog: str = "python -m finjax.acquisition") -> int:
    """Records a person; returns the exit status. A `FinjaxError` is printed as one message."""
    options = parser(prog, description=str(__doc__)).parse_args(arguments)
    failed = False

    def report() -> Iterator[str]:
        nonlocal failed
        check(options)
        lines, ending = run(options)
        failed = ending.failed
        yield from lines
        if ending.error:
            raise ending.error

    return print_report(report, debug=options.debug) or int(failed)


if __name__ == "__main__":
    sys.exit(main())
