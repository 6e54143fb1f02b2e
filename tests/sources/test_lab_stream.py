"""Streams of the LabStreamingLayer: real ones, in the same process."""

import contextlib
import sys
import time

import numpy as np
import pytest
from lab_streams import Sender, outlet, pylsl

from finjax.errors import DataError, FinjaxError
from finjax.sources import lab_stream
from finjax.sources.lab_stream import LabStream
from finjax.sources.source import Needed, limited

LOST = "times that the LSL stream was lost"
MISFIT = "times that the LSL stream came back with other channels or another rate"
JUMPS = "jumps of the LSL stream's time stamps (samples were lost)"
FITS = Needed(channels=2, rate_hz=500.0)


@pytest.fixture
def quick(monkeypatch):
    """Searches end soon if there is nothing."""
    monkeypatch.setattr(lab_stream, "FIND_S", 0.5)


@pytest.fixture
def opened():
    """Opens streams, and closes them after the test."""
    with contextlib.ExitStack() as stack:
        yield lambda name, needed=FITS: stack.enter_context(contextlib.closing(LabStream(name, needed=needed)))


def until(chunks, met, *, seconds=20.0):
    """Takes chunks until a condition holds; returns the samples."""
    end, taken = time.monotonic() + seconds, []
    for chunk in chunks:
        taken.append(chunk)
        if met(taken):
            return np.concatenate(taken)
        assert time.monotonic() < end, "it took too long"
    raise AssertionError("the source has ended")


def samples(count):
    return lambda taken: sum(map(len, taken)) >= count


def test_all_samples_arrive_in_order(opened):
    with Sender("steady"):
        found = until(opened("steady"), samples(200))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found[:, 0], np.arange(len(found)) + found[0, 0])
    np.testing.assert_array_equal(found[:, 1], found[:, 0])


def test_names_and_unit_are_those_of_the_description(opened):
    described = [
        outlet("described", labels=("flexor", "extensor"), unit="microvolts"),
        outlet("millivolts", labels=("a", "b"), unit="mV"),
        outlet("counts", labels=("a", "b"), unit="counts"),
        outlet("one name too few", labels=("a",), unit="V"),
        outlet("equal names", labels=("a", "a")),
        outlet("nothing"),
    ]
    infos = [opened(one.get_info().name(), Needed()).info for one in described]
    assert [info.channel_names for info in infos] == [("flexor", "extensor"), *[("a", "b")] * 2, *[("1", "2")] * 3]
    assert [info.unit for info in infos] == ["uV", "mV", "counts", "V", "", ""]
    assert infos[0].name == "described" and infos[0].rate_hz == 500.0


def test_without_a_name_the_stream_of_type_emg_is_taken(opened):
    others = outlet("brain", kind="EEG"), outlet("arm")
    assert opened("", Needed()).info.name == "arm"
    del others


def test_the_one_of_two_streams_that_fits_is_taken(opened):
    both = outlet("twin", channels=3), outlet("twin")
    pylsl.resolve_byprop("name", "twin", minimum=2, timeout=5.0)
    for _ in range(20):  # the search ends with the first answer, whichever stream it is from
        with contextlib.suppress(DataError):
            assert len(opened("twin").info.channel_names) == 2
            break
    else:
        raise AssertionError("never found")
    del both


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"channel_format": "string"}, "sends text, not numbers"),
        ({"rate_hz": 0.0}, "has no regular rate, which is needed"),
        ({"channels": 3}, "has 3 channels at 500 Hz, but 2 channels at 500 Hz are needed"),
        ({"rate_hz": 1000.0}, "has 2 channels at 1000 Hz, but 2 channels at 500 Hz are needed"),
    ],
)
def test_a_stream_that_does_not_fit_is_one_message(quick, opened, settings, message):
    misfit = outlet("misfit", **settings)
    with pytest.raises(DataError, match=f"^lsl:misfit: stream 'misfit' {message}$"):
        opened("misfit")
    del misfit


def test_an_absent_stream_and_an_absent_library_are_one_message(quick, opened, monkeypatch):
    message = "^lsl:absent: no LSL stream of name 'absent' in 0.5 s. There"
    with pytest.raises(DataError, match=f"{message} is no other stream either"):
        opened("absent")
    other = outlet("present")
    with pytest.raises(DataError, match=rf"{message} are 'present' of type 'EMG' \(2 channels at 500 Hz\)$"):
        opened("absent")
    del other
    monkeypatch.setitem(sys.modules, "pylsl", None)
    with pytest.raises(FinjaxError, match=r"^lsl:absent: needs pylsl.*pip install pylsl"):
        opened("absent")


def test_a_lost_stream_is_found_again_but_not_one_that_does_not_fit(opened):
    with Sender("comes back"):
        source = opened("comes back")
        chunks = iter(source)
        until(chunks, samples(20))
    until(chunks, lambda _: source.problems[LOST] == 1)
    with Sender("comes back", rate_hz=250.0):
        until(chunks, lambda _: source.problems[MISFIT] == 1)
    with Sender("comes back", channels=3):
        assert not len(until(chunks, lambda taken: len(taken) == 3))
    with Sender("comes back"):
        until(chunks, samples(20))
    assert source.problems == {LOST: 1, MISFIT: 1}


def test_a_sender_that_is_gone_without_notice_is_searched_for(opened, monkeypatch):
    monkeypatch.setattr(lab_stream, "LOST_S", 0.5)
    sender = outlet("silent")
    source = opened("silent")
    chunks = iter(source)
    next(chunks)
    sender.push_sample([1, 2])
    until(chunks, samples(1))
    first = source._inlet
    until(chunks, lambda _: source._inlet not in (first, None))
    until(chunks, lambda taken: len(taken) == 10)  # silent again: that is the same loss
    sender.push_sample([3, 4])
    np.testing.assert_array_equal(until(chunks, samples(1)), [[3, 4]])
    assert source.problems == {LOST: 1}


def test_jumps_of_the_time_stamps_are_counted(opened):
    sender = outlet("jumps")
    source = opened("jumps")
    chunks = iter(source)
    next(chunks)
    for stamp in (100.0, 100.02, 101.0, 101.02, 50.0, 50.02):  # of the last of ten samples at 500 Hz
        sender.push_chunk(np.zeros((10, 2)).tolist(), stamp)
    until(chunks, samples(60))
    assert source.problems == {JUMPS: 2}


def test_what_is_not_a_number_goes_through_and_what_is_too_large_is_infinite(opened):
    sender = outlet("faults", channel_format="double64")
    chunks = iter(opened("faults"))
    next(chunks)
    sender.push_chunk([[np.nan, 1e300], [-np.inf, 2.0]])
    np.testing.assert_array_equal(until(chunks, samples(2)), [[np.nan, np.inf], [-np.inf, 2.0]])


def test_whole_numbers_are_samples_too(opened):
    sender = outlet("counts", channel_format="int16")
    chunks = iter(opened("counts"))
    next(chunks)
    sender.push_sample([-32768, 32767])
    np.testing.assert_array_equal(until(chunks, samples(1)), [[-32768, 32767]])


@pytest.mark.parametrize("limits", [{"seconds": 0.5}, {"idle": 0.5}])
def test_limits_hold_when_nothing_arrives(opened, limits):
    silent = outlet("nothing comes")
    assert not sum(map(len, limited(opened("nothing comes"), **limits)))
    del silent


def test_a_closed_stream_ends(opened):
    silent = outlet("closed")
    source = opened("closed")
    chunks = iter(source)
    next(chunks)
    source.close()
    source.close()
    assert list(chunks) == []
    del silent
