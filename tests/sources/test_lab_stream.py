"""Streams of the LabStreamingLayer, by a module in the place of pylsl."""

import itertools
import sys
import types
from collections import Counter

import numpy as np
import pytest

from finjax.errors import DataError, FinjaxError
from finjax.sources.lab_stream import LabStream
from finjax.sources.source import Silences, limited

CF_FLOAT32, CF_STRING = 1, 3


class Lost(RuntimeError):
    """As pylsl says that a stream is lost."""


class Info:
    def __init__(self, *, channels=2, rate_hz=2000.0, channel_format=CF_FLOAT32):
        self.channel_count, self.nominal_srate = lambda: channels, lambda: rate_hz
        self.channel_format, self.name = lambda: channel_format, lambda: "emg"


class Inlet:
    """Gives what a script says: samples that are there together, None where nothing comes, or an error."""

    def __init__(self, script):
        self._script, self._there = iter(script), []

    def pull_sample(self, timeout):
        assert 0 < timeout <= 0.2
        self._there = next(self._script, None) or []
        if isinstance(self._there, Exception):
            raise self._there
        return (self._there[0], 1.0) if self._there else (None, None)

    def pull_chunk(self, timeout):
        assert timeout == 0.0  # with more, pylsl waits until 1024 samples are there
        return self._there[1:], [1.0] * len(self._there[1:])


@pytest.fixture
def pylsl(monkeypatch):
    """A module like pylsl, whose `found` are the answers of one search after the other, and `inlets` what they give."""
    module = types.ModuleType("pylsl")
    module.cf_string, module.IRREGULAR_RATE = CF_STRING, 0.0
    module.found, module.inlets = [[Info()]], []
    module.resolve_byprop = lambda prop, value, timeout: module.found.pop(0) if module.found else []
    module.StreamInlet = lambda info: Inlet(module.inlets.pop(0))
    monkeypatch.setitem(sys.modules, "pylsl", module)
    return module


def stream():
    return LabStream("emg", channels=2, rate_hz=2000.0)


def test_available_samples_come_at_once(pylsl):
    pylsl.inlets = [[[[1, 2], [3, 4]], None, [[5, 6]]]]
    chunks = list(itertools.islice(stream(), 3))
    assert [chunk.tolist() for chunk in chunks] == [[[1, 2], [3, 4]], [], [[5, 6]]]
    assert all(chunk.dtype == np.float32 and chunk.shape[1] == 2 for chunk in chunks)


@pytest.mark.parametrize("limits", [{"seconds": 0.05}, {"idle": 0.05}])
def test_limits_hold_when_a_stream_stops(pylsl, limits):
    pylsl.inlets = [[[[1, 2]]]]
    assert sum(map(len, limited(stream(), **limits))) == 1


def test_a_lost_stream_is_counted_and_found_again(pylsl):
    pylsl.inlets = [[[[1, 2]], Lost("the stream has been lost.")], [[[3, 4]]]]
    pylsl.found += [[], [Info(channels=3)], [Info()]]
    source = stream()
    chunks = list(itertools.islice(source, 6))
    assert np.concatenate(chunks).tolist() == [[1, 2], [3, 4]]
    assert source.problems == {"times that the LSL stream was lost": 1}


@pytest.mark.parametrize(
    ("info", "message"),
    [
        (Info(channel_format=CF_STRING), "'emg' sends text, not numbers"),
        (Info(rate_hz=0.0), "'emg' has no regular rate; the decoder needs 2000 Hz"),
        (Info(channels=3), "'emg' has 3 channels at 2000 Hz; the decoder needs 2 at 2000 Hz"),
        (Info(rate_hz=float("nan")), "'emg' has 2 channels at nan Hz"),
    ],
)
def test_a_stream_that_cannot_be_decoded_is_one_message(pylsl, info, message):
    pylsl.found = [[info]]
    with pytest.raises(DataError, match=f"^--lsl=emg: stream {message}"):
        stream()


def test_a_missing_stream_and_a_missing_library_are_errors(pylsl, monkeypatch):
    pylsl.found = []
    with pytest.raises(DataError, match="--lsl=emg: no LSL stream of name 'emg' in 5 s"):
        stream()
    monkeypatch.setitem(sys.modules, "pylsl", None)
    with pytest.raises(FinjaxError, match="pip install pylsl"):
        stream()


def test_silences_are_counted_once_each(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("finjax.sources.source.time.monotonic", lambda: now[0])
    silences = Silences(1.0)
    heard = []
    for step in (40, 0, 0, 0, 40, 0, 0, 0):
        now[0] += 0.6
        heard.append(round(silences.look(step), 1))
    assert heard == [0, 0, 1.2, 1.8, 0, 0, 1.2, 1.8]
    assert silences.problems == Counter({"times that no samples came for 1 s": 2})
