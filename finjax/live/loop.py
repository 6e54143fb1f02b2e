"""The real-time loop: samples in, decisions out to every sink."""

import contextlib
import gc
import time

from finjax.live.decoder import LiveDecoder
from finjax.live.memory_watch import MemoryWatch
from finjax.live.sinks import Sink
from finjax.live.summary import Summary
from finjax.sources.source import Silences, Source, limited
from finjax.system import interrupts


def decode(
    decoder: LiveDecoder,
    source: Source,
    sinks: list[Sink],
    summary: Summary,
    memory: MemoryWatch,
    silences: Silences,
    *,
    seconds: float,
    idle: float,
) -> None:
    """Decodes a source until it ends, a limit is reached or a signal asks to stop.

    Args:
        decoder: the decoder.
        source: gives the samples.
        sinks: take every decision.
        summary: counts the decisions, and measures the time until all sinks have taken them.
        memory: measures the memory of the process.
        silences: counts the times without samples.
        seconds: see `limited`.
        idle: see `limited`.

    Raises:
        Interrupted: a signal asked to stop; the current chunk is finished first.
    """
    gc.collect()
    gc.freeze()  # collecting all imported objects takes longer than a decision
    chunks = limited(source, seconds=seconds, idle=idle)
    with interrupts.held_back() as request, contextlib.closing(chunks):
        for samples in chunks:
            arrived = time.perf_counter()
            for decision in decoder.push(samples):
                level = decoder.level()
                for sink in sinks:
                    sink(decision, level)
                summary.add(decision, passed_on_s=time.perf_counter() - arrived)
            if silent_s := silences.look(len(samples)):
                for sink in sinks:
                    sink.silent(silent_s)
            memory.look()
            if request.signum:
                return
