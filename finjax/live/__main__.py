"""Decodes a stream and shows it.

    finjax live                                                            # a synthetic person, needs no run
    finjax live runs/fine_tune/subject_1 --replay=2                        # repetition 2 of that person's recording
    finjax live runs/cnn_pooled_seen/pooled --subject=9 --calibrate=1      # first tunes to repetition 1 of a new person
    finjax live runs/fine_tune/subject_1 --tcp=12345 --to-udp=127.0.0.1:12346

Stops at the end of the stream, after `--seconds` or `--idle`, or at Ctrl-C or SIGTERM, and prints a summary; exit
status 0. A signal before the decoding ends it without a summary; exit status 130 (Ctrl-C) or 75. With TCP, the sender
of the samples connects to port `--tcp` of finjax, and finjax connects to the receiver of the decisions at `--to-tcp`.
LibEMG's classifier works the other way round: it listens, and its receivers connect.
"""

import argparse
import contextlib
import dataclasses
import math
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from absl import logging as absl_logging

from finjax.data import synthetic
from finjax.data.number_lists import format_numbers, parse_numbers
from finjax.data.recording import Recording
from finjax.devices import parallel
from finjax.errors import DataError, FinjaxError, StorageError, add_debug_option, option_of, print_error
from finjax.live.decoder import LiveDecoder
from finjax.live.loop import decode
from finjax.live.memory_watch import MemoryWatch
from finjax.live.sinks import JSONLines, Port, Sink
from finjax.live.summary import Summary
from finjax.live.terminal import Terminal
from finjax.sources.lab_stream import LabStream
from finjax.sources.lines import Lines
from finjax.sources.replay import Replay
from finjax.sources.source import Silences, Source
from finjax.system import interrupts
from finjax.system.addresses import check_port, parse
from finjax.system.console import any_terminal, drop_if_stuck, messages_held_back
from finjax.system.files import whats_wrong
from finjax.system.paths import refuse_url

DEMO = Path("runs/live_demo")
SILENCE_S = 1.0  # without samples: the sinks are told, and it is counted


@any_terminal()
def main(arguments: list[str] | None = None, *, prog: str = "python -m finjax.live") -> int:
    """Runs a session; returns the exit status. A `FinjaxError` is printed as one message."""
    options = _parser(prog).parse_args(arguments)
    parallel.tune_compiler()
    # Orbax logs every step at INFO, and warnings that do not matter to a reader of checkpoints.
    absl_logging.set_verbosity(absl_logging.WARNING if options.debug else absl_logging.FATAL)
    try:
        with interrupts.raised_at_once():
            _check(options)
            for line in _session(options):
                print(line)
            sys.stdout.flush()  # if nobody reads the output, a signal can end the wait here
    except interrupts.Interrupted as interrupted:  # before or after the decoding
        drop_if_stuck()
        print(f"stopped by {signal.Signals(interrupted.signum).name}.", file=sys.stderr)  # nothing to resume
        return interrupted.exit_status
    except FinjaxError as error:
        return print_error(error, debug=options.debug)
    return 0


def _check(options: argparse.Namespace) -> None:
    """Raises `FinjaxError` if an option is out of range, before the model is loaded; the decoder checks the others."""
    for name in ("tcp", "udp"):
        if (port := getattr(options, name)) is not None:
            check_port(port, where=f"--{name}={port}")
    for name in ("to_udp", "to_tcp"):
        if address := getattr(options, name):
            parse(address, option=name.replace("_", "-"))
    for name in ("seconds", "idle", "speed"):
        if not 0 <= (value := getattr(options, name)) < math.inf:
            raise FinjaxError(f"--{name}={value:g}: give a number from 0")


def _session(options: argparse.Namespace) -> list[str]:
    refuse_url(options.data, option="--data")
    refuse_url(options.to_file or "", option="--to-file")
    run = options.run or _demo()
    decoder = LiveDecoder(
        run,
        subject=None if options.calibrate else options.subject,
        update=options.update,
        filtered=options.filtered,
        vote=options.vote,
        least_probability=options.least_probability,
        dwell=options.dwell,
    )
    if options.calibrate:
        known = _repetitions(_recording(options, decoder), options.calibrate, option="calibrate")
        decoder.calibrate(known.signal, known.movement)
    decoder.check_statistics()  # its warning must come before the stream begins
    source, recording = _source(options, decoder)
    deadline_s = decoder.update / decoder.rate_hz
    summary = Summary(deadline_s=deadline_s, recording=recording, movement_names=decoder.movement_names)
    memory, sinks = MemoryWatch(), list[Sink]()
    silences = Silences(SILENCE_S if recording is None else math.inf)  # a slow replay is not a silence
    try:
        sinks.extend(_sinks(options, decoder, deadline_s=deadline_s))
        in_place = any(getattr(sink, "in_place", False) for sink in sinks) and sys.stderr.isatty()
        try:
            with messages_held_back(in_place):
                decode(decoder, source, sinks, summary, memory, silences, seconds=options.seconds, idle=options.idle)
        except interrupts.Interrupted:
            drop_if_stuck()  # else the summary would wait for a reader
    finally:
        for sink in sinks:
            sink.close()
    problems = sum((one.problems for one in (*sinks, silences)), start=Counter(source.problems))
    return summary.lines(problems) + memory.lines()


def _sinks(options: argparse.Namespace, decoder: LiveDecoder, *, deadline_s: float) -> Iterator[Sink]:
    names = decoder.channel_names, decoder.movement_names
    for protocol, address in (("udp", options.to_udp), ("tcp", options.to_tcp)):
        if address:
            yield Port(protocol, address, names[1], probabilities=options.send_probabilities)
    if options.to_file:
        yield JSONLines(options.to_file)
    if not options.quiet:
        yield Terminal(*names, deadline_s=deadline_s)


def _source(options: argparse.Namespace, decoder: LiveDecoder) -> tuple[Source, Recording | None]:
    """Returns the source, and the recording if it replays one."""
    channels = len(decoder.channel_names)
    if options.tcp is not None or options.udp is not None:
        protocol, port = ("tcp", options.tcp) if options.tcp is not None else ("udp", options.udp)
        source = Lines(protocol, port=port, channels=channels, rate_hz=decoder.rate_hz)
        print(f"listening for lines of {channels} numbers at {protocol} port {source.port} of this machine", flush=True)
        return source, None
    if options.lsl is not None:
        return LabStream(options.lsl, channels=channels, rate_hz=decoder.rate_hz), None
    wanted = options.replay or format_numbers(decoder.model.split.test_repetitions)
    recording = _repetitions(_recording(options, decoder), wanted, option="replay")
    return Replay(recording, chunk=decoder.update, speed=options.speed, loop=options.loop), recording


def _recording(options: argparse.Namespace, decoder: LiveDecoder) -> Recording:
    """Returns the unfiltered recording of `--subject`, by default of the decoder's own subject."""
    model = decoder.model
    subject = model.person(options.subject, option="--subject")
    settings = model.config.data
    if model.dataset == synthetic.NAME:
        return synthetic.generate(subject, settings.synthetic)
    from finjax.data.loading import load_recordings
    from finjax.data.registry import Filter, get_spec

    folder = options.data or settings.dir
    spec = get_spec(model.dataset, folder, option=_option)
    return load_recordings(spec, folder, subjects=(subject,), filter=Filter(), option=_option)[0]


def _option(field: str) -> str:
    """Returns the option that sets a field: `--data`, or one of the training."""
    return "--data" if field == "data.dir" else option_of(field)


def _repetitions(recording: Recording, numbers: str, *, option: str) -> Recording:
    """Returns a recording of the given repetitions only."""
    if not (kept := np.isin(recording.repetition, parse_numbers(numbers))).any():
        raise DataError(f"--{option}={numbers}: subject {recording.subject} has no such repetition")
    return dataclasses.replace(
        recording,
        signal=np.ascontiguousarray(recording.signal[kept]),
        movement=np.asarray(recording.movement[kept]),
        repetition=np.asarray(recording.repetition[kept]),
        piece_starts=(0,),
    )


def _demo() -> Path:
    """Returns the folder of a synthetic person's decoder, and trains the decoder if there is none yet."""
    from finjax.configs import cnn
    from finjax.run import run
    from finjax.training.checkpoints import has_checkpoint

    folder = DEMO / "subject_1"
    if not has_checkpoint(folder):
        print("tuning a decoder to a synthetic person: half a minute, once", flush=True)
        config = cnn.get_config("best")
        config.data.synthetic.subjects = 1
        config.data.seen_subjects = "1"
        config.train.max_epochs = 8
        config.log.tensorboard = False
        try:
            with contextlib.redirect_stdout(None):
                run(config, workdir=DEMO)
        except StorageError as error:
            raise StorageError(
                f"cannot write the demonstration to {DEMO.absolute()} ({whats_wrong(error.__cause__ or error)}). "
                "Start it in a folder that you can write to, or give the folder of a decoder"
            ) from error
    return folder


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=prog, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", nargs="?", help="folder of a decoder, as runs/fine_tune/subject_1")
    parser.add_argument("--subject", type=int, help="the person; a new person gets the mean z-score of the known ones")
    parser.add_argument("--calibrate", default="", help="first tune to these repetitions of the person, such as 1")
    parser.add_argument("--update", default="20ms", help="time between decisions (%(default)s)")
    parser.add_argument("--seconds", type=float, default=0, help="stop after this time; 0: at the end of the stream")
    parser.add_argument("--filtered", action="store_true", help="the samples are filtered already")
    source = parser.add_argument_group("source (a replay, unless --tcp, --udp or --lsl is given)")
    source.add_argument("--replay", default="", help="repetitions to replay, such as 2,5; default: those for testing")
    source.add_argument("--speed", type=float, default=1.0, help="speed of the replay; 1: real time, 0: unlimited")
    source.add_argument("--loop", action="store_true", help="repeat the replay without end")
    source.add_argument("--data", default="", help="folder of the recordings, if it has moved since the training")
    source.add_argument("--tcp", type=int, metavar="PORT", help="receive samples as lines of numbers over TCP")
    source.add_argument("--udp", type=int, metavar="PORT", help="receive samples as lines of numbers over UDP")
    source.add_argument("--idle", type=float, default=0, help="stop after this many seconds without samples; 0: never")
    source.add_argument("--lsl", metavar="NAME", help="LabStreamingLayer stream; empty: the first of type EMG")
    output = parser.add_argument_group("decisions")
    output.add_argument("--vote", type=int, default=1, help="majority vote of this many last decisions")
    output.add_argument("--least-probability", type=float, default=0.0, help="reject decisions below this probability")
    output.add_argument("--dwell", default="", help="how long a movement must win before it replaces another")
    output.add_argument("--to-udp", metavar="HOST:PORT", help="send the movement's number, as LibEMG does over UDP")
    output.add_argument("--to-tcp", metavar="HOST:PORT", help="send the movement's number to a receiver that listens")
    output.add_argument("--send-probabilities", action="store_true", help="send probabilities and a time stamp instead")
    output.add_argument("--to-file", metavar="FILE", help="write every decision as a line of JSON")
    output.add_argument("--quiet", action="store_true", help="show nothing until the end")
    add_debug_option(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
