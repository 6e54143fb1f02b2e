"""The options of `finjax record`."""

import argparse
import math

from finjax.acquisition.trials import LONGEST_S, ORDERS
from finjax.errors import FinjaxError, add_debug_option
from finjax.sources.opening import KINDS, check_source
from finjax.system.paths import refuse_url

UNITS = ("uV", "mV", "V")


def parser(prog: str, *, description: str) -> argparse.ArgumentParser:
    """Returns the parser of the options; their types are checked by it, their ranges by `check`."""
    made = argparse.ArgumentParser(
        prog=prog, description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("folder", metavar="FOLDER", help="a new folder, or one with earlier recordings")
    made.add_argument("--source", required=True, help=f"where samples come from: {', '.join(KINDS.values())}")
    made.add_argument("--subject", type=int, default=1, help="number of the person (%(default)s)")
    made.add_argument("--session", default="", help="label of the session, such as a day; default: none")
    trials = made.add_argument_group("movements")
    trials.add_argument("--movements", default="", help="names, such as rest,fist,open; default: those of the folder")
    trials.add_argument("--repetitions", type=int, default=4, help="how often each is held (%(default)s)")
    trials.add_argument("--ready", type=float, default=2.0, help="seconds of announcement (%(default)s)")
    trials.add_argument("--hold", type=float, default=5.0, help="seconds of each movement (%(default)s)")
    trials.add_argument("--rest", type=float, default=3.0, help="seconds of rest after it (%(default)s)")
    trials.add_argument(
        "--order", choices=ORDERS, default=ORDERS[0], help="of the movements in a repetition (%(default)s)"
    )
    trials.add_argument("--seed", type=int, default=0, help="of the shuffled orders (%(default)s)")
    device = made.add_argument_group("device")
    device.add_argument("--channels", type=int, help="number of channels; lines over TCP and UDP need it")
    device.add_argument("--rate", type=float, help="samples per second; lines over TCP and UDP need it")
    device.add_argument("--speed", type=float, default=1.0, help="of a synthetic person; 0: unlimited (%(default)s)")
    device.add_argument("--unit", choices=UNITS, help="of the samples, if the device does not say it")
    device.add_argument("--range", type=float, help="largest sample to expect; default: ±400 mV, or from the check")
    device.add_argument("--idle", type=float, default=60.0, help="end after so many seconds without samples; 0: never")
    electrodes = made.add_argument_group("electrodes")
    electrodes.add_argument(
        "--check", type=float, default=4.0, help="seconds of rest and of fist to check them; 0: no check (%(default)s)"
    )
    electrodes.add_argument(
        "--mains", type=int, choices=(50, 60), default=50, help="mains frequency in Hz (%(default)s)"
    )
    electrodes.add_argument("--placement", default="", help="where the electrodes are, in words")
    electrodes.add_argument("--reference", default="", help="where the reference electrode is, in words")
    add_debug_option(made)
    return made


def check(options: argparse.Namespace) -> None:
    """Raises `FinjaxError` if an option is out of range; the schedule and the folder check the others."""
    refuse_url(options.folder)
    check_source(options.source)
    if not (options.check == 0 or 1 <= options.check <= LONGEST_S):
        raise FinjaxError(f"--check={options.check:g}: give 1 to {LONGEST_S:g} seconds, or 0 for no check")
    for name in ("idle", "speed"):
        if not 0 <= (value := getattr(options, name)) < math.inf:
            raise FinjaxError(f"--{name}={value:g}: give a number from 0")
    if options.seed < 0:
        raise FinjaxError(f"--seed={options.seed}: give a number from 0")
