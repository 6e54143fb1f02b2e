"""The summary of a live session, against numbers worked out by hand."""

import itertools
from collections import Counter

import numpy as np
from decisions import NAMES, decision

from finjax.data import synthetic
from finjax.live.summary import Summary
from finjax.sources.replay import Replay


def test_a_replay_may_begin_again():
    recording = synthetic.generate(1, synthetic.Settings(subjects=1, movement_s=0.8, rest_s=0.0))
    signal = recording.signal
    chunks = list(itertools.islice(Replay(recording, chunk=len(signal) // 2, speed=0, loop=True), 5))
    np.testing.assert_array_equal(
        np.concatenate(chunks), np.concatenate([signal, signal, signal])[: 5 * len(chunks[0])]
    )
    summary = Summary(deadline_s=0.02, recording=recording, movement_names=recording.movement_names)
    for lap in range(2):
        for end in range(400, len(signal) + 1, 400):
            name = recording.movement_names[recording.movement[end - 1]]
            summary.add(decision((lap * len(signal) + end) / 2000, name))
    printed = "\n".join(summary.lines(Counter()))
    assert "accuracy 100.0% of 816 decisions" in printed
    assert "right decision 200 ms after the onset (median of 204 of 204 movements)" in printed


def test_the_summary_counts():
    recording = synthetic.generate(1, synthetic.Settings(subjects=1, movement_s=1.0, rest_s=0.0))
    names = recording.movement_names
    summary = Summary(deadline_s=0.02, recording=recording, movement_names=names)
    for n, (movement, latency) in enumerate([(names[1], 0.001), (names[0], 0.002), (names[0], 0.003), (None, 0.5)]):
        summary.add(decision(time_s=0.3 + 0.1 * n, movement=movement, latency_s=latency))
    first, second, *rest = summary.lines(Counter(lost=3))
    assert first == "4 decisions, 1 without a movement; 1 missed the deadline of 20 ms"
    assert "p50 2.0" in second and "max 500.0 ms" in second
    assert rest[0] == "accuracy 50.0% of 4 decisions in movements"
    assert "400 ms after the onset (median of 1 of 1 movements)" in rest[1]
    assert rest[-1] == "lost: 3"


def test_a_stream_without_a_window_has_no_latency():
    summary = Summary(deadline_s=0.02, recording=None, movement_names=NAMES)
    assert summary.lines(Counter()) == ["no decision: the stream was shorter than a window"]
