"""The real-time loop: samples in, decisions out to every sink."""

import contextlib
import gc
import time
from typing import Protocol

import numpy as np

from finjax.live.decoder import LiveDecoder
from finjax.live.memory_watch import MemoryWatch
from finjax.live.sinks import Sink
from finjax.live.summary import Summary
from finjax.sources.source import Silences, Source, limited
from finjax.system import interrupts, scheduling


class Operator(Sink, Protocol):
    """A sink that also watches the samples, and changes the session between two chunks, such as the live page."""

    @property
    def paused(self) -> bool:
        """Whether decisions are held back. The decoder goes on, so that it can continue at once."""
        ...

    def start(self) -> None:
        """Is called before the first chunk."""

    def look(self, samples: np.ndarray) -> None:
        """Is called after every chunk `[n, C]`, also after an empty one; must not wait."""


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
    operator: Operator | None = None,
    real_time: bool = False,
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
        operator: watches and changes the session.
        real_time: whether to ask the system for real-time priority, so that other programs do not delay decisions.

    Raises:
        Interrupted: a signal asked to stop; the current chunk is finished first.
    """
    gc.collect()
    gc.freeze()  # collecting all imported objects takes longer than a decision
    if operator is not None:
        operator.start()
    chunks = limited(source, seconds=seconds, idle=idle)
    priority = scheduling.real_time() if real_time else contextlib.nullcontext()
    with interrupts.held_back() as request, contextlib.closing(chunks), priority:
        for samples in chunks:
            arrived = time.perf_counter()
            decisions = decoder.push(samples)
            for decision in () if operator is not None and operator.paused else decisions:
                level = decoder.level()
                for sink in sinks:
                    sink(decision, level)
                summary.add(decision, passed_on_s=time.perf_counter() - arrived)
            if silent_s := silences.look(len(samples)):
                for sink in sinks:
                    sink.silent(silent_s)
            memory.look()
            if operator is not None:
                operator.look(samples)
            if request.signum:
                return
