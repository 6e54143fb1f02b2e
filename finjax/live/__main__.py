"""Decodes a stream and shows it.

    finjax live                                                            # a synthetic person, needs no run
    finjax live runs/fine_tune/subject_1 --replay=2                        # repetition 2 of that person's recording
    finjax live runs/cnn_pooled_seen/pooled --subject=9 --calibrate=1      # first tunes to repetition 1 of a new person
    finjax live runs/cnn_pooled_seen/pooled --subject=9 --calibrate=1 --save=runs/mine/subject_9      # and keeps it
    finjax live runs/fine_tune/subject_1 --source=lsl:armband              # a stream of the LabStreamingLayer
    finjax live runs/fine_tune/subject_1 --tcp=12345 --to-udp=127.0.0.1:12346
    finjax live --loop --web                                               # with a page in the browser

Stops at the end of the stream, after `--seconds` or `--idle`, or at Ctrl-C or SIGTERM, and prints a summary; exit
status 0. A signal before the decoding ends it without a summary; exit status 130 (Ctrl-C) or 75. With TCP, the sender
of the samples connects to port `--tcp` of finjax, and finjax connects to the receiver of the decisions at `--to-tcp`.
LibEMG's classifier works the other way round: it listens, and its receivers connect.
"""

import sys

from absl import logging as absl_logging

from finjax.devices import parallel
from finjax.live.addition import Addition
from finjax.live.options import check, parser
from finjax.live.session import run_session
from finjax.system.console import any_terminal
from finjax.system.programs import print_report


@any_terminal()
def main(
    arguments: list[str] | None = None, *, prog: str = "python -m finjax.live", addition: Addition | None = None
) -> int:
    """Runs a session; returns the exit status. A `FinjaxError` is printed as one message."""
    made = parser(prog, description=str(__doc__))
    if addition is not None:
        addition.add_options(made)
    options = made.parse_args(arguments)
    parallel.tune_compiler()
    # Orbax logs every step at INFO, and warnings that do not matter to a reader of checkpoints.
    absl_logging.set_verbosity(absl_logging.WARNING if options.debug else absl_logging.FATAL)

    def report() -> list[str]:
        check(options)
        if addition is not None:
            addition.check(options)
        return run_session(options, addition)

    return print_report(report, debug=options.debug)


if __name__ == "__main__":
    sys.exit(main())
