"""The real-time loop: samples in, decisions out to every sink."""

import contextlib
import gc
import time

from finjax.live import LiveDecoder
from finjax.live.memory_watch import MemoryWatch
from finjax.live.sinks import Sink
from finjax.live.sources import Silences, Source, limited
from finjax.live.summary import Summary
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
        decoder: decodes.
        source: gives samples.
        sinks: take every decision.
        summary: counts them, with the time until all sinks had taken them.
        memory: looks at the process's memory.
        silences: counts when nothing comes.
        seconds: see `limited`.
        idle: see `limited`.

    Raises:
        Interrupted: a signal asked to stop; the chunk at hand is done.
    """
    gc.collect()
    gc.freeze()  # to look through all that has been imported takes Python longer than a decision
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
