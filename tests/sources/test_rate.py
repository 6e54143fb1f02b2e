"""The rate of a source is measured; the expected rates are samples over seconds of a clock that the tests set."""

from collections import Counter

import numpy as np
import pytest

from finjax.sources import rate
from finjax.sources.rate import RateWatch, RateWatched, losses
from finjax.sources.source import StreamInfo


@pytest.fixture
def problems_of(monkeypatch):
    """Returns the problems of a stream of 1000 Hz, given as steps: seconds, and samples that have come by then."""
    now = [100.0]
    monkeypatch.setattr("finjax.sources.rate.time.monotonic", lambda: now[0])

    def watched(steps):
        problems = Counter()
        watch = RateWatch(1000.0, problems)
        for seconds, count in steps:
            now[0] += seconds
            watch.look(count)
        return dict(problems)

    return watched


def ran_at(measured, times=1):
    return {f"the stream ran at {measured} instead of 1000 samples per second": times}


@pytest.mark.parametrize("chunk", [1, 20, 1000])
def test_a_stream_at_its_rate_is_no_problem(problems_of, chunk):
    assert problems_of([(chunk / 1000, chunk)] * (20_000 // chunk)) == {}


def test_less_than_a_tenth_is_no_problem(problems_of):
    assert problems_of([(0.1, 95)] * 200) == problems_of([(0.1, 105)] * 200) == {}


@pytest.mark.parametrize(("count", "measured"), [(1000, 10000), (50, 500), (86, 860), (115, 1200)])
def test_a_wrong_rate_counts_once_however_long_it_is(problems_of, count, measured):
    assert problems_of([(0.1, count)] * 300) == ran_at(measured)


def test_each_period_with_a_wrong_rate_counts(problems_of):
    counts = problems_of(([(0.1, 100)] * 91 + [(0.1, 500)] * 80) * 2)
    assert sum(counts.values()) == 2  # at the rate of the measurement in which it began


def test_silences_are_not_measured(problems_of):
    assert problems_of(([(0.1, 100)] * 25 + [(0.2, 0)] * 10) * 10) == {}


def test_samples_that_come_all_at_once_at_first_or_after_a_silence_are_not_measured(problems_of):
    assert problems_of(([(0.0, 3000)] + [(0.1, 100)] * 60 + [(0.2, 0)] * 6) * 5) == {}


def test_a_caller_that_pauses_is_no_wrong_rate(problems_of):
    assert problems_of([(0.1, 100)] * 30 + [(3.0, 3000)] + [(0.1, 100)] * 100) == {}


def test_there_are_few_different_messages(problems_of):
    steps = [step for count in range(2000, 4000) for step in [(4.0, 4 * count), (4.0, 4000)]]
    assert len(problems_of(steps)) < 30


def test_a_wrong_rate_is_no_loss(problems_of):
    problems = Counter(problems_of([(0.1, 50)] * 100))
    assert problems and losses(problems) == 0
    assert losses(problems + Counter({"packages that were lost": 3})) == 3


class Stream:
    info = StreamInfo(name="stream", rate_hz=1000.0, channel_names=("1",))

    def __init__(self, now):
        self.problems, self.closed, self._now = Counter({"lost": 1}), False, now

    def __iter__(self):
        for _ in range(100):
            self._now[0] += 0.1
            yield np.zeros((50, 1), np.float32)

    def close(self):
        self.closed = True


def test_a_watched_source_passes_everything_on(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(rate.time, "monotonic", lambda: now[0])
    stream = Stream(now)
    source = RateWatched(stream)
    assert sum(map(len, source)) == 5000
    assert source.info is stream.info
    assert source.problems == {"lost": 1, **ran_at(500)}
    source.close()
    assert stream.closed
