"""The unit of a stream and that of the decoder: converted, assumed, overridden or refused."""

import dataclasses
import threading
from collections import Counter

import numpy as np
import pytest

from finjax.data.synthetic import Settings, generate
from finjax.inference.restored import load_decoder
from finjax.live import LiveDecoder
from finjax.live.__main__ import main
from finjax.sources.replay import Replay

CHANNELS, RATE_HZ, SENT = 12, 2000.0, 1000.0
NAMED = tuple(map(str, range(1, CHANNELS + 1)))


class Watching:
    """An addition that keeps the samples that the decoder gets, as the live page does to calibrate it."""

    def __init__(self):
        self.chunks, self.stream, self.paused, self.problems = [], None, False, Counter()

    def add_options(self, parser):
        pass

    def check(self, options):
        pass

    def open(self, options, session):
        self.stream = session.stream
        return self

    def start(self):
        pass

    def look(self, samples):
        self.chunks.append(samples)

    def __call__(self, decision, level):
        pass

    def silent(self, seconds):
        pass

    def close(self):
        pass


@pytest.fixture
def session(small_decoder, capsys):
    """Decodes a stream of the LabStreamingLayer whose samples are all `SENT`, by a decoder of samples in mV."""
    lab_streams = pytest.importorskip("lab_streams")

    def run(unit, *options):
        stream = lab_streams.outlet("live", channels=CHANNELS, rate_hz=RATE_HZ, labels=NAMED, unit=unit)
        ended, watching = threading.Event(), Watching()
        content = np.full((40, CHANNELS), SENT, np.float32).tolist()

        def send():
            while not ended.wait(0.02):
                stream.push_chunk(content)

        thread = threading.Thread(target=send, daemon=True)
        thread.start()
        try:
            status = main(
                [str(small_decoder), "--source=lsl:live", "--quiet", "--seconds=0.5", *options], addition=watching
            )
        finally:
            ended.set()
            thread.join()
        found = np.unique(np.concatenate(watching.chunks)) if watching.chunks else None
        return status, watching.stream, found, "".join(capsys.readouterr())

    return run


def test_the_decoder_knows_the_unit_that_it_was_trained_on(small_decoder):
    assert LiveDecoder(small_decoder).unit == "mV"


@pytest.mark.parametrize(("unit", "expected"), [("uV", 1.0), ("microvolts", 1.0), ("V", 1e6), ("nanovolts", 1e-3)])
def test_a_stream_in_another_unit_of_voltage_is_converted_with_a_line(session, unit, expected):
    status, stream, found, printed = session(unit)
    assert status == 0 and stream.unit == "mV"
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert "converted to mV, that of the decoder\n" in printed


def test_a_stream_in_the_same_unit_is_left_as_it_is_without_a_line(session):
    status, stream, found, printed = session("mV")
    assert (status, stream.unit) == (0, "mV") and found == SENT
    assert "unit" not in printed


def test_a_stream_that_does_not_say_its_unit_is_taken_as_it_is_with_a_line(session):
    status, stream, found, printed = session("")
    assert (status, stream.unit) == (0, "") and found == SENT
    assert "unit: not known; taken as mV, that of the decoder. --unit=UNIT gives another\n" in printed


def test_counts_are_refused_unless_the_unit_is_overridden(session):
    status, _, found, printed = session("counts")
    assert status == 1 and found is None
    assert "samples of live are in counts, those that the decoder was trained on in mV" in printed
    assert "give --unit=mV" in printed and "counts cannot be converted to mV" in printed

    status, stream, found, _ = session("counts", "--unit=mV")
    assert (status, stream.unit) == (0, "mV") and found == SENT


def test_an_option_gives_the_unit_of_a_stream_that_does_not_say_it(session):
    status, stream, found, printed = session("", "--unit=µV")
    assert (status, stream.unit) == (0, "mV")
    np.testing.assert_allclose(found, 1.0, rtol=1e-6)
    assert "unit: uV, converted to mV" in printed


def test_a_decoder_of_an_older_run_takes_samples_in_any_unit(session, monkeypatch):
    def load_old(run, **settings):
        return dataclasses.replace(load_decoder(run, **settings), unit="")

    monkeypatch.setattr("finjax.live.decoder.load_decoder", load_old)
    status, stream, found, printed = session("counts")
    assert (status, stream.unit) == (0, "counts") and found == SENT and "unit" not in printed
    _, _, found, printed = session("counts", "--unit=uV")
    assert found == SENT and "that of the decoder is not known, so that --unit changes nothing" in printed


def test_the_unit_of_a_replay_is_that_of_the_recording(small_decoder, capsys):
    recording = generate(1, Settings(movement_s=1.0, rest_s=0.0))
    assert Replay(recording, chunk=40).info.unit == "mV"
    assert main([str(small_decoder), "--unit=uV"]) == 1
    assert "--unit is that of a --source" in capsys.readouterr().err
