"""A text opens any source; what cannot be opened is one message."""

import contextlib
import socket

import numpy as np
import pytest

from finjax.data import synthetic
from finjax.errors import DataError, FinjaxError
from finjax.sources.opening import KINDS, check_source, open_source


@pytest.mark.parametrize("text", ["", "lsl", "foo", "foo:bar", "LSL:x", "/dev/ttyUSB0", "12345"])
@pytest.mark.parametrize("function", [check_source, open_source])
def test_a_text_of_no_kind_is_refused_with_a_list_of_kinds(function, text):
    with pytest.raises(FinjaxError) as caught:
        function(text)
    assert str(caught.value).startswith(f"{text!r} is not a source of samples")
    assert all(f"  {kind}:" in str(caught.value) for kind in KINDS)


@pytest.mark.parametrize("kind", ["tcp", "udp"])
@pytest.mark.parametrize("port", ["", "x", "1.5", "-1", "65536", "9" * 30, "1 2", "٣"])
def test_a_port_that_is_none_is_one_message(kind, port):
    with pytest.raises(FinjaxError, match=f"^{kind}:{port}: give a port from 0 to 65535"):
        check_source(f"{kind}:{port}")
    with pytest.raises(FinjaxError, match="give a port from 0 to 65535"):
        open_source(f"{kind}:{port}", channels=2, rate_hz=1000.0)


@pytest.mark.parametrize("text", ["synthetic:", "synthetic:x", "synthetic:0", "synthetic:-1", "synthetic:1000000"])
def test_a_synthetic_person_needs_a_number(text):
    with pytest.raises(FinjaxError, match=f"^{text}: give the number of a synthetic person"):
        check_source(text)


@pytest.mark.parametrize("kind", ["tcp", "udp"])
@pytest.mark.parametrize("known", [{}, {"channels": 2}, {"rate_hz": 1000.0}])
def test_lines_need_channels_and_rate(kind, known):
    with pytest.raises(FinjaxError, match=f"^{kind}:0: lines of numbers say neither"):
        open_source(f"{kind}:0", **known)


def test_what_is_right_is_checked_without_opening_it():
    pytest.importorskip("brainflow", reason="brainflow is not installed: pip install -e '.[brainflow]'")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        for text in (f"tcp:{taken.getsockname()[1]}", "lsl:no such stream", "lsl:", "brainflow:cyton", "synthetic:1"):
            check_source(text)


def test_lines_at_a_port():
    with contextlib.closing(open_source("udp:0", channels=2, rate_hz=1000.0)) as source:
        port = int(source.info.name.removeprefix("udp port "))
        chunks = iter(source)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"1 2\n3 4", ("127.0.0.1", port))
        np.testing.assert_array_equal(next(chunks), [[1, 2], [3, 4]])


def test_a_synthetic_person_is_that_of_the_data_and_without_an_end(monkeypatch):
    short = synthetic.Settings(movement_s=0.8, rest_s=0.0)
    monkeypatch.setattr(synthetic, "Settings", lambda: short)
    source = open_source("synthetic:2", channels=12, rate_hz=2000.0, speed=0)
    signal = synthetic.generate(2, short).signal
    chunks = iter(source)
    found = []
    while sum(map(len, found)) <= len(signal):
        found.append(next(chunks))
    found = np.concatenate(found)
    np.testing.assert_array_equal(found[: len(signal)], signal)
    np.testing.assert_array_equal(found[len(signal) :], signal[: len(found) - len(signal)])


@pytest.mark.parametrize(
    ("needed", "message"), [({"channels": 8}, "8 channels at 2000 Hz"), ({"rate_hz": 1e3}, "12 channels at 1000 Hz")]
)
def test_a_synthetic_person_that_does_not_fit_is_refused(needed, message):
    with pytest.raises(DataError, match=f"has 12 channels at 2000 Hz, but {message} are needed"):
        open_source("synthetic:1", **needed)


def test_a_device_that_does_not_fit_is_refused_and_closed():
    pytest.importorskip("brainflow", reason="brainflow is not installed: pip install -e '.[brainflow]'")
    with pytest.raises(DataError, match="but 4 channels at 250 Hz are needed"):
        open_source("brainflow:synthetic", channels=4)
    open_source("brainflow:synthetic?channels=1-4", channels=4).close()
