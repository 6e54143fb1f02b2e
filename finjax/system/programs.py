"""What the programs that end with a report have in common."""

import signal
import sys
from collections.abc import Callable, Iterable

from finjax.errors import FinjaxError, print_error
from finjax.system import interrupts
from finjax.system.console import drop_if_stuck


def print_report(report: Callable[[], Iterable[str]], *, debug: bool) -> int:
    """Prints the lines that a program gives when its work is done; returns the exit status.

    A `FinjaxError` is printed as one message. A signal before or after the work leaves nothing to resume.

    Args:
        report: does the work.
        debug: whether to show the traceback of an error.
    """
    try:
        with interrupts.raised_at_once():
            for line in report():
                print(line)
            sys.stdout.flush()  # if nobody reads the output, a signal can end the wait here
    except interrupts.Interrupted as interrupted:
        drop_if_stuck()
        print(f"stopped by {signal.Signals(interrupted.signum).name}.", file=sys.stderr)
        return interrupted.exit_status
    except FinjaxError as error:
        return print_error(error, debug=debug)
    return 0
