"""The loop of a recording: what sources, people and signals do to it."""

import os
import signal
import time

import numpy as np
import pytest
from scripted import NOTHING, RATE_HZ, Front, Scripted, in_phase, noise

from finjax.acquisition.check import Collector
from finjax.acquisition.record import SILENCE_S, lead
from finjax.acquisition.schedule import Session
from finjax.acquisition.trials import Timing, make_trials
from finjax.errors import FinjaxError, StorageError

TIMING = Timing(ready_s=1.0, hold_s=2.0, rest_s=1.0)


class Sink(Collector):
    """Keeps also what is marked."""

    def __init__(self):
        super().__init__(RATE_HZ)
        self.bad, self.finished = [], []

    def mark_bad(self, start, stop):
        self.bad.append((start, stop))

    def take_trials(self, finished):
        self.finished = [(one.movement, one.start_s, one.stop_s, one.status) for one in finished]


def recorded(script, front=None, *, movements=("fist",), repetitions=1, **options):
    source = script if isinstance(script, Scripted) else Scripted(script)
    session = Session(make_trials(movements, repetitions=repetitions, order="fixed"), TIMING)
    sink, front = Sink(), front or Front()
    ending = lead(iter(source), session, sink, front, source_problems=source.problems, **options)
    return ending, sink, front


def test_labels_lie_where_the_prompts_were():
    ending, sink, _ = recorded(noise(30.0), movements=("fist", "open"))
    assert ending.complete and not ending.failed
    # Chunks are 0.1 s: the first prompt is shown when 0.1 s are there.
    assert sink.finished == [
        ("fist", pytest.approx(1.1), pytest.approx(3.1), "good"),
        ("open", pytest.approx(5.1), pytest.approx(7.1), "good"),
    ]
    assert sink.samples == 2025  # to the end of the last rest, in whole chunks
    assert sink.bad == []


def test_the_level_is_that_of_the_last_quarter_of_a_second():
    loud = [chunk * np.array([1, 10], np.float32) for chunk in noise(4.0, size=3.0)]
    _, sink, front = recorded([*noise(1.0, size=0.0), *loud])
    samples = np.concatenate(sink._chunks)
    count = round(0.25 * RATE_HZ)
    for shown in (5, 20, 35):
        _, level, _ = front.shown[shown]
        so_far = samples[: 25 * (shown + 1)]
        np.testing.assert_allclose(level, so_far[-count:].std(axis=0), rtol=1e-5)


def test_samples_are_recorded_while_the_session_is_paused():
    front = Front((in_phase("hold"), "pause"), (in_phase("ready", paused=True), "pause"))
    ending, sink, front = recorded(noise(30.0), front)
    assert ending.complete
    assert [status for *_, status in sink.finished] == ["repeated", "good"]
    assert sum(len(chunk) for chunk in sink._chunks) == sink.samples
    assert sink.finished[1][1] > sink.finished[0][2] + TIMING.ready_s - 0.01


@pytest.mark.parametrize(
    ("commands", "expected"),
    [
        ([(in_phase("hold"), "repeat")], [("fist", "repeated"), ("fist", "good"), ("open", "good")]),
        ([(in_phase("hold", "fist"), "skip")], [("fist", "skipped"), ("open", "good")]),
        ([(in_phase("rest", "open"), "repeat")], [("fist", "good"), ("open", "repeated"), ("open", "good")]),
        ([(in_phase("ready"), "add")], [("fist", "good"), ("open", "good")] * 2),
        ([(in_phase("hold", "open"), "end")], [("fist", "good"), ("open", "skipped")]),
    ],
)
def test_commands_do_what_they_say(commands, expected):
    ending, sink, _ = recorded(noise(40.0), Front(*commands), movements=("fist", "open"))
    assert [(movement, status) for movement, _, _, status in sink.finished] == expected
    assert ending.complete == (commands[0][1] != "end") and not ending.failed
    if not ending.complete:
        assert ending.reason == "ended by the person who records"


def test_a_source_that_ends_ends_the_recording():
    ending, sink, _ = recorded(noise(2.0))
    assert (ending.reason, ending.failed, ending.error) == ("the source ended", True, None)
    assert sink.finished == [("fist", pytest.approx(1.1), pytest.approx(2.0), "skipped")]


def test_a_source_that_fails_ends_the_recording_with_its_error():
    def unplugged():
        raise FinjaxError("the board is gone")

    ending, sink, _ = recorded([*noise(2.0), unplugged])
    assert (ending.reason, ending.failed, str(ending.error)) == ("the source failed", True, "the board is gone")
    assert sink.samples == 500 and sink.finished[0][3] == "skipped"


def test_a_silence_is_marked_and_the_movement_is_held_again():
    def silence():
        time.sleep(1.01 * SILENCE_S)

    chunks = noise(20.0)
    script = [*chunks[:20], silence, NOTHING, NOTHING, *chunks[20:]]  # after 2 s: within hold
    ending, sink, front = recorded(script)
    assert ending.complete
    assert ending.problems == {"times that no samples came for 1 s": 1}
    assert [(start, stop, status) for _, start, stop, status in sink.finished] == [
        (pytest.approx(1.1), pytest.approx(2.0), "repeated"),
        (pytest.approx(3.0), pytest.approx(5.0), "good"),
    ]
    assert sink.bad == [(499, 501)]
    silent = [(prompt.phase, silent_s >= SILENCE_S) for prompt, _, silent_s in front.shown if silent_s]
    assert silent == [("ready", True)] * 2


def test_a_source_that_stays_silent_ends_the_recording():
    ending, _, _ = recorded(Scripted([*noise(1.5), *[lambda: time.sleep(0.2), NOTHING] * 50]), idle_s=1.5)
    assert (ending.reason, ending.failed) == ("no samples came for 1.5 s", True)


def test_samples_where_the_source_lost_something_are_marked():
    source = Scripted([])
    chunks = noise(20.0)

    def lose():
        source.problems["packages that were lost"] += 3

    def run_slowly():
        source.problems["the stream ran at 90 instead of 250 samples per second"] += 1

    source._script = [*chunks[:4], lose, NOTHING, *chunks[4:6], run_slowly, *chunks[6:], lose]
    ending, sink, _ = recorded(source)
    assert ending.complete and sink.bad == [(99, 125)]  # the loss may be anywhere in the chunk
    assert [status for *_, status in sink.finished] == ["good"]  # the movement is not held again for so little


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_recording_after_the_chunk(signum):
    chunks = noise(20.0)
    ending, sink, _ = recorded([*chunks[:20], lambda: os.kill(os.getpid(), signum), *chunks[20:]])
    assert (ending.reason, ending.failed) == (f"stopped by {signum.name}", False)
    assert sink.samples == 525
    assert sink.finished[0][3] == "skipped"


def test_a_disk_that_is_full_is_an_error():
    class Full(Sink):
        def take(self, samples):
            raise StorageError("the disk is full")

    source = Scripted(noise(1.0))
    with pytest.raises(StorageError, match="the disk is full"):
        lead(
            iter(source),
            Session(make_trials(["a"], repetitions=1), TIMING),
            Full(),
            Front(),
            source_problems=source.problems,
        )


def test_the_source_can_go_on_after_a_session():
    source = Scripted(noise(30.0))
    chunks = iter(source)
    for _ in range(2):
        session, sink = Session(make_trials(["a"], repetitions=1), TIMING), Sink()
        assert lead(chunks, session, sink, Front(), source_problems=source.problems).complete
    assert len(next(chunks)) == 25
