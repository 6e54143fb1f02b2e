"""The real-time loop: the time in sinks counts, and sinks are told when no samples come."""

import time
from collections import Counter

import numpy as np
from decisions import NAMES, decision

from finjax.live.loop import decode
from finjax.live.memory_watch import MemoryWatch
from finjax.live.summary import Summary
from finjax.sources.source import Silences


class SlowSink:
    def __init__(self, seconds):
        self._seconds, self.silences, self.problems = seconds, [], Counter()

    def __call__(self, decision, level):
        until = time.perf_counter() + self._seconds
        while time.perf_counter() < until:
            pass

    def silent(self, seconds):
        self.silences.append(seconds)


class ThreeDecisions:
    """Gives one decision for every chunk, in no time."""

    def push(self, samples):
        return [decision()] * bool(len(samples))

    def level(self):
        return np.zeros(1)


def summary_of(sink, chunks=(1, 1, 1), **settings):
    summary = Summary(deadline_s=0.02, recording=None, movement_names=NAMES)
    source = [np.zeros((count, 1), np.float32) for count in chunks]
    decode(ThreeDecisions(), source, [sink], summary, MemoryWatch(), Silences(0.0), seconds=0, idle=0, **settings)
    return summary.lines(Counter())


def test_time_spent_in_outputs_counts():
    assert "3 decisions, 0 without a movement; 3 missed the deadline of 20 ms" in summary_of(SlowSink(0.03))


def test_sinks_are_told_of_a_silence():
    sink = SlowSink(0.0)
    summary_of(sink, chunks=(1, 0, 0, 1))
    assert len(sink.silences) == 2


class Stopping(SlowSink):
    """An operator that stops the decisions after its second chunk, and starts them again after the fourth."""

    def __init__(self):
        super().__init__(0.0)
        self.started, self.counts = False, []

    @property
    def paused(self):
        return 2 <= len(self.counts) < 4

    def start(self):
        self.started = True

    def look(self, samples):
        assert self.started
        self.counts.append(len(samples))


def test_an_operator_sees_every_chunk_and_can_stop_the_decisions():
    operator, sink = Stopping(), SlowSink(0.0)
    lines = summary_of(sink, chunks=(1, 1, 2, 0, 1, 1), operator=operator)
    assert operator.counts == [1, 1, 2, 0, 1, 1]
    assert lines[0].startswith("4 decisions")  # of five chunks with samples, one came while decisions were stopped
