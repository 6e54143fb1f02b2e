"""A live session: the decoder, its source, the outputs of its decisions, and the summary."""

import argparse
import math
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from finjax.data.number_lists import format_numbers, parse_numbers
from finjax.data.recording import Recording
from finjax.errors import DataError
from finjax.live.addition import Addition, LiveSession
from finjax.live.channel_order import in_order_of
from finjax.live.decoder import LiveDecoder
from finjax.live.demo import demo_decoder
from finjax.live.lab_stream_outlet import LabStreamOutlet
from finjax.live.loop import decode
from finjax.live.memory_watch import MemoryWatch
from finjax.live.replayed import recording_of, repetitions_of
from finjax.live.sinks import JSONLines, Port, Sink
from finjax.live.summary import Summary
from finjax.live.terminal import Terminal
from finjax.live.unit import in_unit_of_decoder
from finjax.sources.opening import open_source
from finjax.sources.replay import Replay
from finjax.sources.source import Silences, Source
from finjax.system import interrupts
from finjax.system.console import drop_if_stuck, messages_held_back
from finjax.system.files import expanded
from finjax.training.saved_model import refuse_occupied

SILENCE_S = 1.0  # without samples: the sinks are told, and it is counted


def run_session(options: argparse.Namespace, addition: Addition | None = None) -> list[str]:
    """Decodes a stream as the options say, until it ends or is stopped; returns the lines of the summary.

    Args:
        options: see `finjax.live.options`; they have been checked.
        addition: what another subpackage adds to the session.

    Raises:
        FinjaxError: the decoder, the source or a receiver of decisions cannot be used.
    """
    run = Path(options.run) if options.run else demo_decoder()
    decoder = _decoder(options, run)
    source, recording = _source(options, decoder)
    deadline_s = decoder.update / decoder.rate_hz
    summary = Summary(deadline_s=deadline_s, recording=recording, movement_names=decoder.movement_names)
    memory, sinks = MemoryWatch(), list[Sink]()
    silences = Silences(SILENCE_S if recording is None else math.inf)  # a slow replay is not a silence

    def problems() -> Counter[str]:
        return sum((one.problems for one in (*sinks, silences)), start=Counter(source.problems))

    operator = None
    try:
        sinks.extend(_sinks(options, decoder, deadline_s=deadline_s))
        if addition is not None:
            session = LiveSession(run=run, decoder=decoder, stream=source.info, summary=summary, problems=problems)
            operator = addition.open(options, session)
        if operator is not None:
            sinks.append(operator)
        in_place = any(getattr(sink, "in_place", False) for sink in sinks) and sys.stderr.isatty()
        try:
            with messages_held_back(in_place):
                decode(
                    decoder,
                    source,
                    sinks,
                    summary,
                    memory,
                    silences,
                    seconds=options.seconds,
                    idle=options.idle,
                    operator=operator,
                    real_time=recording is None,  # a fast replay never waits
                )
        except interrupts.Interrupted:
            drop_if_stuck()  # else the summary would wait for a reader
    finally:
        for sink in sinks:
            sink.close()
        source.close()
    return summary.lines(problems()) + memory.lines()


def _decoder(options: argparse.Namespace, run: Path) -> LiveDecoder:
    """Returns the decoder, calibrated if the options say so."""
    decoder = LiveDecoder(
        run,
        subject=None if options.calibrate else options.subject,
        update=options.update,
        filtered=options.filtered,
        vote=options.vote,
        least_probability=options.least_probability,
        dwell=options.dwell,
    )
    if options.save:
        refuse_occupied(expanded(options.save))  # a calibration takes long
    if options.calibrate:
        known = repetitions_of(recording_of(options, decoder), options.calibrate, option="calibrate")
        decoder.calibrate(known.signal, known.movement)
        if options.save:
            decoder.save(options.save, subject=known.subject, repetitions=parse_numbers(options.calibrate))
            print(f"saved: {options.save}", flush=True)
    decoder.check_statistics()  # its warning must come before the stream begins
    return decoder


def _sinks(options: argparse.Namespace, decoder: LiveDecoder, *, deadline_s: float) -> Iterator[Sink]:
    names = decoder.channel_names, decoder.movement_names
    for protocol, address in (("udp", options.to_udp), ("tcp", options.to_tcp)):
        if address:
            yield Port(protocol, address, names[1], probabilities=options.send_probabilities)
    if options.to_lsl is not None:
        yield LabStreamOutlet(options.to_lsl, names[1])
    if options.to_file:
        yield JSONLines(options.to_file)
    if not options.quiet:
        yield Terminal(*names, deadline_s=deadline_s)


def _source(options: argparse.Namespace, decoder: LiveDecoder) -> tuple[Source, Recording | None]:
    """Returns the source, and the recording if it replays one."""
    if options.source is None:
        tested = decoder.model.split.test_repetitions
        if not options.replay and not tested:
            raise DataError(
                "the decoder was tuned to all repetitions, and none is left to replay: give a --source, or one of "
                "them, as --replay=1"
            )
        wanted = options.replay or format_numbers(tested)
        recording = repetitions_of(recording_of(options, decoder), wanted, option="replay")
        return Replay(recording, chunk=decoder.update, speed=options.speed, loop=options.loop), recording
    channels = len(decoder.channel_names)
    source = open_source(options.source, channels=channels, rate_hz=decoder.rate_hz, speed=options.speed)
    print(f"source: {source.info.name}, {channels} channels at {source.info.rate_hz:g} Hz", flush=True)
    try:
        source, remark = in_unit_of_decoder(source, decoder.unit, given=options.unit)
    except DataError:
        source.close()
        raise
    if remark:
        print(remark, flush=True)
    return in_order_of(source, decoder.channel_names), None
