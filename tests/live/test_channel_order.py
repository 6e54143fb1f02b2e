"""Channels of a stream are compared with those of the decoder by name."""

from collections import Counter

import numpy as np
import pytest

from finjax.live.channel_order import in_order_of
from finjax.sources.source import StreamInfo


class Stream:
    """A source with these channels, which gives one chunk and an empty one; the value of a channel is its column."""

    def __init__(self, *names: str):
        self.info = StreamInfo(name="armband", rate_hz=100.0, channel_names=names, unit="uV")
        self.problems = Counter(lost=1)
        self.closed = False

    def __iter__(self):
        columns = len(self.info.channel_names)
        yield np.tile(np.arange(columns, dtype=np.float32), (3, 1))
        yield np.zeros((0, columns), np.float32)

    def close(self) -> None:
        self.closed = True


def test_channels_in_another_order_are_put_into_that_of_the_decoder(caplog):
    stream = Stream("flexor", "extensor", "biceps")
    source = in_order_of(stream, ("biceps", "flexor", "extensor"))
    full, empty = source
    np.testing.assert_array_equal(full, [[2, 0, 1]] * 3)
    assert full.dtype == np.float32 and empty.shape == (0, 3)
    assert source.info.channel_names == ("biceps", "flexor", "extensor") and source.info.unit == "uV"
    source.problems["late"] += 1
    source.close()
    assert stream.problems == {"lost": 1, "late": 1} and stream.closed
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


def test_other_names_are_a_warning_with_both(caplog):
    stream = Stream("E1", "E2", "biceps")
    assert in_order_of(stream, ("flexor", "extensor", "biceps")) is stream
    (message,) = caplog.messages
    assert "armband are named E1, E2, biceps, those of the decoder flexor, extensor, biceps" in message


@pytest.mark.parametrize(
    ("given", "wanted"), [(("a", "b"), ("a", "b")), (("1", "2"), ("a", "b")), (("a", "b"), ("0", "1"))]
)
def test_the_same_names_and_mere_numbers_are_no_warning(given, wanted, caplog):
    stream = Stream(*given)
    assert in_order_of(stream, wanted) is stream
    assert not caplog.records
