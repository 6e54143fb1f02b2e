"""The options of `finjax live`."""

import argparse
import functools
import math

from finjax.data.units import plain_unit
from finjax.errors import FinjaxError, add_debug_option
from finjax.sources.opening import KINDS, check_source
from finjax.system.addresses import parse
from finjax.system.paths import refuse_url


def parser(prog: str, *, description: str) -> argparse.ArgumentParser:
    """Returns the parser of the options; their types are checked by it, their ranges by `check`."""
    made = argparse.ArgumentParser(
        prog=prog, description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("run", nargs="?", help="folder of a decoder, as runs/fine_tune/subject_1")
    made.add_argument("--subject", type=int, help="the person; a new person gets the mean z-score of the known ones")
    made.add_argument("--calibrate", default="", help="first tune to these repetitions of the person, such as 1")
    made.add_argument("--save", metavar="FOLDER", help="keep the tuned decoder, as runs/mine/subject_9")
    made.add_argument("--update", default="20ms", help="time between decisions (%(default)s)")
    made.add_argument("--seconds", type=float, default=0, help="stop after this time; 0: at the end of the stream")
    made.add_argument("--filtered", action="store_true", help="the samples are filtered already")
    source = made.add_argument_group("source (one of the first five; a replay if none is given)")
    which = source.add_mutually_exclusive_group()
    which.add_argument("--replay", default="", help="repetitions to replay, such as 2,5; default: those for testing")
    which.add_argument("--source", metavar="SOURCE", help=f"samples as they come: {', '.join(KINDS.values())}")
    for kind, name in (("lsl", "NAME"), ("tcp", "PORT"), ("udp", "PORT")):
        full, text = functools.partial("{}:{}".format, kind), f"short for --source={kind}:{name}"
        which.add_argument(f"--{kind}", dest="source", type=full, metavar=name, help=text)
    source.add_argument(
        "--unit",
        type=plain_unit,
        default="",
        help="of the samples, such as uV, if --source does not say it",
    )
    source.add_argument("--speed", type=float, default=1.0, help="speed of the replay; 1: real time, 0: unlimited")
    source.add_argument("--loop", action="store_true", help="repeat the replay without end")
    source.add_argument("--data", default="", help="folder of the recordings, if it has moved since the training")
    source.add_argument("--idle", type=float, default=0, help="stop after this many seconds without samples; 0: never")
    output = made.add_argument_group("decisions")
    output.add_argument("--vote", type=int, default=1, help="majority vote of this many last decisions")
    output.add_argument("--least-probability", type=float, default=0.0, help="reject decisions below this probability")
    output.add_argument("--dwell", default="", help="how long a movement must win before it replaces another")
    output.add_argument("--to-udp", metavar="HOST:PORT", help="send the movement's number, as LibEMG does over UDP")
    output.add_argument("--to-tcp", metavar="HOST:PORT", help="send the movement's number to a receiver that listens")
    output.add_argument("--to-lsl", metavar="NAME", help="send decisions as a stream of the LabStreamingLayer")
    output.add_argument(
        "--send-probabilities", action="store_true", help="send probabilities and a time stamp over UDP and TCP"
    )
    output.add_argument("--to-file", metavar="FILE", help="write every decision as a line of JSON")
    output.add_argument("--quiet", action="store_true", help="show nothing until the end")
    add_debug_option(made)
    return made


def check(options: argparse.Namespace) -> None:
    """Raises `FinjaxError` if an option is out of range, before the model is loaded; the decoder checks the others."""
    if options.source is not None:
        check_source(options.source)
    elif options.unit:
        raise FinjaxError("--unit is that of a --source: the unit of a recording that is replayed is known")
    for name in ("to_udp", "to_tcp"):
        if address := getattr(options, name):
            parse(address, option=name.replace("_", "-"))
    for name in ("seconds", "idle", "speed"):
        if not 0 <= (value := getattr(options, name)) < math.inf:
            raise FinjaxError(f"--{name}={value:g}: give a number from 0")
    if options.save and not options.calibrate:
        raise FinjaxError("--save keeps a decoder that --calibrate has tuned: give the repetitions to tune to")
    refuse_url(options.data, option="--data")
    refuse_url(options.save or "", option="--save")
    refuse_url(options.to_file or "", option="--to-file")
