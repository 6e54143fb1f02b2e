"""Decisions as a stream of the LabStreamingLayer, received by real inlets."""

import dataclasses
import sys

import numpy as np
import pytest
from decisions import NAMES, decision
from lab_streams import pylsl

from finjax.errors import FinjaxError
from finjax.live.__main__ import main
from finjax.live.lab_stream_outlet import LabStreamOutlet


@pytest.fixture
def outlet():
    sink = LabStreamOutlet("decisions", NAMES)
    yield sink
    sink.close()


def found(name, *, timeout=5.0):
    return pylsl.resolve_byprop("name", name, timeout=timeout)


def test_a_decision_is_its_number_and_its_probabilities(outlet):
    inlet = pylsl.StreamInlet(found("decisions")[0])
    inlet.open_stream(timeout=5.0)
    for movement in ("pinch", None, "rest"):
        outlet(decision(movement=movement), np.zeros(1))
    received = [inlet.pull_sample(timeout=5.0)[0] for _ in range(3)]
    np.testing.assert_allclose(received, [[number, 0.1, 0.7, 0.2] for number in (2, -1, 0)], rtol=1e-6)
    assert not outlet.problems


def test_the_stream_describes_itself(outlet):
    info = pylsl.StreamInlet(found("decisions")[0]).info(timeout=5.0)
    assert info.type() == "Decisions" and info.nominal_srate() == pylsl.IRREGULAR_RATE
    assert info.channel_count() == 1 + len(NAMES)
    channel, labels = info.desc().child("channels").child("channel"), []
    while not channel.empty():
        labels.append((channel.child_value("label"), channel.child_value("type")))
        channel = channel.next_sibling("channel")
    assert labels == [("movement", "number"), *((name, "probability") for name in NAMES)]


def test_nobody_and_a_receiver_that_takes_nothing_are_not_waited_for(outlet):
    many = dataclasses.replace(decision())
    for _ in range(20_000):
        outlet(many, np.zeros(1))
    inlet = pylsl.StreamInlet(found("decisions")[0], max_buflen=1)
    inlet.open_stream(timeout=5.0)
    for _ in range(20_000):
        outlet(many, np.zeros(1))
    outlet.silent(1.0)


def test_the_stream_is_gone_after_the_end():
    sink = LabStreamOutlet("ends", NAMES)
    assert found("ends")
    sink.close()
    assert not found("ends", timeout=0.5)


def test_a_stream_without_a_name_and_an_absent_library_are_one_message(monkeypatch):
    with pytest.raises(FinjaxError, match="^--to-lsl=: give the stream a name"):
        LabStreamOutlet("", NAMES)
    monkeypatch.setitem(sys.modules, "pylsl", None)
    with pytest.raises(FinjaxError, match="^--to-lsl=x: needs pylsl"):
        LabStreamOutlet("x", NAMES)


def test_a_session_sends_its_decisions(small_decoder, tmp_path, monkeypatch):
    received, inlets = [], []
    close = LabStreamOutlet.close

    def receive(self):
        received.extend(inlets[0].pull_chunk(timeout=5.0, max_samples=10)[0])
        close(self)

    opened = LabStreamOutlet.__init__

    def and_receiver(self, *arguments):
        opened(self, *arguments)
        inlets.append(pylsl.StreamInlet(found("session")[0]))
        inlets[0].open_stream(timeout=5.0)

    monkeypatch.setattr(LabStreamOutlet, "__init__", and_receiver)
    monkeypatch.setattr(LabStreamOutlet, "close", receive)
    assert main([str(small_decoder), "--replay=2", "--speed=0", "--quiet", "--to-lsl=session", "--update=200ms"]) == 0
    received = np.array(received)
    assert received.shape == (10, 18)
    np.testing.assert_array_equal(received[:, 0], received[:, 1:].argmax(axis=1))
    np.testing.assert_allclose(received[:, 1:].sum(axis=1), 1.0, rtol=1e-5)
