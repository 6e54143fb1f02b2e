"""Recordings of a folder in terms of the decoder that they are replayed to."""

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("edfio")
from data.bids_folder import CHANNELS, MOVEMENTS, emg, trials, write_run

from finjax.data.recording import Recording
from finjax.data.settings import DataSettings
from finjax.errors import DataError
from finjax.live.replayed import recording_of, repetitions_of


def decoder(*, channels=CHANNELS, movements=MOVEMENTS, rate_hz=1000.0, unit="uV"):
    """What `recording_of` reads of a decoder that was trained on a folder that is gone."""
    model = SimpleNamespace(
        dataset="bids",
        config=SimpleNamespace(data=DataSettings(name="bids", dir="/gone")),
        person=lambda subject, option: 1,
        channel_names=channels,
        movement_names=movements,
        rate_hz=rate_hz,
        unit=unit,
    )
    return SimpleNamespace(model=model)


@pytest.fixture
def options(tmp_path, monkeypatch):
    monkeypatch.setenv("FINJAX_CACHE_DIR", str(tmp_path / "cache"))
    write_run(tmp_path / "recording")
    return SimpleNamespace(subject=None, data=str(tmp_path / "recording"))


def test_samples_are_not_filtered(options):
    recording = recording_of(options, decoder())
    np.testing.assert_allclose(recording.signal, emg(trials()), atol=2e-3)  # a step of 24 bits over 20,000 uV is 0.0012


def test_channels_and_movements_get_the_order_of_the_decoder(options):
    own = recording_of(options, decoder())
    other = recording_of(options, decoder(channels=CHANNELS[::-1], movements=("wave", *MOVEMENTS[::-1])))
    np.testing.assert_array_equal(other.signal, own.signal[:, ::-1])
    expected = np.where(own.movement < 0, -1, 3 - own.movement)  # fist, open, rest became 3, 2, 1
    np.testing.assert_array_equal(other.movement, expected)
    assert other.movement_names == ("wave", "rest", "open", "fist")


def test_samples_get_the_unit_of_the_decoder(options):
    own, volts = recording_of(options, decoder()), recording_of(options, decoder(unit="V"))
    assert (own.unit, volts.unit) == ("uV", "V")
    np.testing.assert_allclose(volts.signal, own.signal * 1e-6, rtol=1e-6)
    assert recording_of(options, decoder(unit="")).unit == "uV"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rate_hz": 2048.0}, "has 1000 Hz, the decoder 2048 Hz"),
        ({"channels": ("flexor", "biceps", "thumb")}, "it has the channels flexor, extensor, thumb; the decoder has"),
        ({"channels": (*CHANNELS, "biceps")}, "the decoder has flexor, extensor, thumb, biceps"),
        ({"unit": "counts"}, "trained on another unit: uV cannot be converted to counts"),
        ({"movements": ("fist", "rest")}, "it has the movements fist, open, rest; the decoder has fist, rest"),
    ],
)
def test_a_recording_that_does_not_fit_is_refused(options, changes, message):
    with pytest.raises(DataError, match=message):
        recording_of(options, decoder(**changes))


def test_a_folder_that_is_gone_is_named_with_its_option(options):
    options.data = ""
    with pytest.raises(DataError, match=r"no such folder: /gone \(--data\)"):
        recording_of(options, decoder())


def test_what_is_left_out_parts_a_recording_into_pieces():
    repetition = np.array([1, 1, 0, 1, 1, 2, 2, 1, 1, 1, 2, 2], np.int16)
    recording = Recording(
        dataset="x",
        subject=1,
        signal=np.arange(12, dtype=np.float32)[:, None],
        movement=np.zeros(12, np.int16),
        repetition=repetition,
        rate_hz=100.0,
        channel_names=("a",),
        movement_names=("fist",),
        piece_starts=(0, 4, 6, 8, 11),
    )
    kept = repetitions_of(recording, "1", option="calibrate")
    assert kept.signal[:, 0].tolist() == [0, 1, 3, 4, 7, 8, 9]
    # Samples 3 and 7 follow a gap; 4 and 8 begin pieces. The piece from 6 begins at 7, and that from 11 is gone.
    assert kept.piece_starts == (0, 2, 3, 4, 5)
    assert kept.segments()[:, :2].tolist() == [[0, 2], [2, 3], [3, 4], [4, 5], [5, 7]]
