"""Live decoding: the same decisions as offline, however the samples are cut into chunks."""

import copy
import dataclasses
import itertools
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rounding import of_probabilities
from scipy import signal as scipy_signal

import finjax
from finjax.data import filters, synthetic
from finjax.data.registry import Filter
from finjax.errors import ConfigError, DataError
from finjax.live import LiveDecoder
from finjax.live.calibration import some_windows

UPDATE = 40  # samples: 20 ms at 2 kHz


@pytest.fixture(scope="module")
def model(small_decoder):
    return finjax.load(small_decoder)


@pytest.fixture(scope="module")
def recording():
    return synthetic.generate(1, synthetic.Settings(subjects=2, movement_s=1.0, rest_s=0.0))


@pytest.fixture(scope="module")
def decisions(model, recording):
    return LiveDecoder(model).push(recording.signal[:6000])


def chunks(samples, sizes):
    position = 0
    for size in itertools.cycle(sizes):
        if position >= len(samples):
            return
        yield samples[position : position + size]
        position += size


@pytest.mark.numerics
def test_decisions_are_those_of_the_offline_model(model, recording, decisions):
    ends = np.arange(600, 6001, UPDATE)
    np.testing.assert_allclose([decision.time_s for decision in decisions], ends / 2000)
    z = model.normalise(recording)
    windows = np.stack([z[end - 600 : end].T for end in ends])
    expected = np.asarray(model(windows))
    assert len(np.unique(expected)) > 2
    assert [decision.movement for decision in decisions] == [model.movement_names[m] for m in expected]
    assert all(decision.latency_s > 0 and not decision.faults for decision in decisions)


@pytest.fixture(scope="module")
def decoder(model):
    return LiveDecoder(model)


@given(sizes=st.lists(st.integers(1, 3000), min_size=1, max_size=20))
def test_chunks_make_no_difference(decoder, recording, decisions, sizes):
    decoder.reset()
    again = [decision for chunk in chunks(recording.signal[:6000], sizes) for decision in decoder.push(chunk)]
    assert [(d.time_s, d.movement) for d in again] == [(d.time_s, d.movement) for d in decisions]
    np.testing.assert_array_equal([d.probabilities for d in again], [d.probabilities for d in decisions])


@pytest.mark.numerics
def test_the_filter_is_causal_and_does_not_depend_on_chunks(model, recording, monkeypatch):
    band = Filter(highpass_hz=20.0, notch_hz=50.0)
    monkeypatch.setattr("finjax.live.decoder.filter_of", lambda config: band)
    decoder, samples = LiveDecoder(model), recording.signal[:3000] + 5.0
    for chunk in chunks(samples, (1, 640, 17, 2500)):
        decoder.push(chunk)
    sections = filters.design(band, 2000.0)
    start = scipy_signal.sosfilt_zi(sections)[..., None] * samples[0]
    expected, _ = scipy_signal.sosfilt(sections, samples, axis=0, zi=start)
    np.testing.assert_allclose(decoder._filtered.window(), expected[-600:].T, rtol=1e-5, atol=1e-5)


def test_a_new_stream_begins_as_the_first_did(model, recording, decisions):
    decoder = LiveDecoder(model)
    decoder.push(recording.signal[100:3333])
    decoder.reset()
    again = decoder.push(recording.signal[:6000])
    np.testing.assert_array_equal([d.probabilities for d in again], [d.probabilities for d in decisions])


@pytest.mark.numerics
@pytest.mark.parametrize(
    ("fault", "spoil"),
    [
        ("not finite", lambda x: np.where(np.arange(len(x)) % 9 == 7, np.nan, x)),
        ("flat", lambda x: np.full_like(x, 0.25)),
        ("saturated", lambda x: np.where(x > 0, x.max(), x)),
    ],
)
def test_a_broken_electrode_is_reported_and_silenced(model, recording, fault, spoil):
    samples = recording.signal[:2000].copy()
    samples[:, 3] = spoil(samples[:, 3])
    broken = LiveDecoder(model).push(samples)
    assert all(d.faults == {model.channel_names[3]: fault} for d in broken)
    mean = np.asarray(model.signal.mean)[0, 3]
    z = model.normalise(recording)[:2000].copy()
    z[:, 3] = 0
    logits = np.asarray(model.logits(z[None, :600].swapaxes(1, 2))[0])
    expected = np.exp(logits) / np.exp(logits).sum()
    # The filter and the window's sums come before the network's: some thousand terms.
    np.testing.assert_allclose(broken[0].probabilities, expected, rtol=of_probabilities(logits, terms=1000))
    assert np.isfinite(mean)


@pytest.mark.parametrize("channels", [slice(3, 4), slice(None)])
def test_a_lost_sample_is_reported_and_replaced_by_the_one_before(model, recording, channels):
    # A channel was silenced for a whole window by one lost sample, and a stream that loses one in 500 never decided.
    samples, held = recording.signal[:3000].copy(), recording.signal[:3000].copy()
    samples[250::500, channels] = np.nan
    held[250::500, channels] = held[249::500, channels]
    found, expected = LiveDecoder(model).push(samples), LiveDecoder(model).push(held)
    assert all(set(d.faults.values()) == {"not finite"} and d.has_signal for d in found)
    assert [d.movement for d in found] == [d.movement for d in expected]
    np.testing.assert_array_equal([d.probabilities for d in found], [d.probabilities for d in expected])


def test_an_envelope_without_signal_gives_no_decision(model, recording, monkeypatch):
    monkeypatch.setattr("finjax.live.decoder.gives_envelope", lambda config: True)
    samples = recording.signal[:4000].copy()
    samples[1000:] = 0.0024
    found = LiveDecoder(model).push(samples)  # 2 kHz: a second is 2000 samples
    assert [d.has_signal for d in found] == [d.time_s * 2000 < 3000 for d in found]
    assert found[-1].movement is None and set(found[-1].faults.values()) == {"flat"}


@pytest.mark.parametrize("value", [0.0, 0.25, np.nan, -np.inf])
def test_without_any_signal_there_is_no_decision(model, recording, value):
    samples = recording.signal[:2800].copy()
    samples[1000:1800] = value
    found = LiveDecoder(model, vote=5, dwell="40ms").push(samples)
    dead = [d for d in found if 1600 <= round(d.time_s * 2000) <= 1800]
    for decision in dead:
        assert decision.movement is None and not decision.has_signal
        assert set(decision.faults) == set(model.channel_names)
        np.testing.assert_allclose(decision.probabilities, 1 / 17, rtol=1e-6)
    last = found.index(dead[-1])
    lasting = [d for d in found[last:] if not d.has_signal]
    # Decisions from before neither vote nor last: dwell begins anew.
    first, second = found[last + len(lasting) : last + len(lasting) + 2]
    assert first.has_signal and first.movement is None and second.has_signal


def test_one_sound_electrode_still_decides(model, recording):
    samples = recording.signal[:1000].copy()
    samples[:, 1:] = 0
    assert all(d.has_signal and d.movement and len(d.faults) == 11 for d in LiveDecoder(model).push(samples))


def test_a_live_decoder_can_be_copied_and_pickled_in_the_middle_of_a_stream(model, recording):
    decoder = LiveDecoder(model, vote=3)
    decoder.push(recording.signal[:1234])
    copies = [copy.deepcopy(decoder), pickle.loads(pickle.dumps(decoder))]
    expected = decoder.push(recording.signal[1234:2000])
    for other in copies:
        found = other.push(recording.signal[1234:2000])
        assert [(d.time_s, d.movement) for d in found] == [(d.time_s, d.movement) for d in expected]
        np.testing.assert_allclose(
            [d.probabilities for d in found], [d.probabilities for d in expected], rtol=1e-5, atol=1e-7
        )


def test_decoding_works_when_numpy_raises_errors(model, recording, decisions):
    with np.errstate(all="raise"):
        samples = recording.signal[:2000].astype(np.float64)
        samples[100, 1] = 1e-60
        samples[1500, 0] = 1e300
        found = LiveDecoder(model).push(samples)
    assert found[0].movement == decisions[0].movement
    assert found[-1].faults == {model.channel_names[0]: "not finite"}


def test_a_gap_of_infinite_samples_is_a_fault_until_it_leaves_the_window(model, recording):
    samples = recording.signal[:3000].copy()
    samples[700:710] = np.inf
    found = LiveDecoder(model).push(samples)
    assert [bool(d.faults) for d in found] == [700 < d.time_s * 2000 <= 709 + 600 for d in found]
    assert all(np.isfinite(d.probabilities).all() for d in found)


@pytest.mark.numerics
def test_another_person_is_calibrated_without_labels(model):
    other = synthetic.generate(2, synthetic.Settings(subjects=2, movement_s=1.0, rest_s=0.0))
    decoder = LiveDecoder(model)
    decoder.calibrate(other.signal)
    z = (other.signal - other.signal.mean(0)) / other.signal.std(0)
    decoder.push(other.signal[:600])
    mean, std = decoder._statistics
    window = (decoder._filtered.window() - mean[:, None]) / std[:, None]
    np.testing.assert_allclose(window, z[:600].T, atol=1e-3)


def test_a_new_person_gets_the_mean_of_the_people_trained_on_and_a_warning(model, recording, caplog):
    signal = model.signal.replace(
        subjects=np.array([1, 2]),
        mean=np.concatenate([model.signal.mean, model.signal.mean + 2]),
        std=np.concatenate([model.signal.std, 3 * model.signal.std]),
    )
    sources = dict.fromkeys((1, 2), "used")
    pooled = dataclasses.replace(
        model, signal=signal, subjects=(1, 2), trained_on=dict.fromkeys((1, 2), (6,)), statistics_from=sources
    )
    for subject, who in ((None, "this person"), (9, "subject 9")):
        decoder = LiveDecoder(pooled, subject=subject)
        assert not caplog.records  # whoever calibrates next need not read it
        for _ in range(2):
            decoder.push(recording.signal[:600])
        (record,) = caplog.records
        assert f"no z-score of {who} and uses the mean of the people that it was trained on" in record.message
        np.testing.assert_allclose(decoder._statistics[0], model.signal.mean[0] + 1, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(decoder._statistics[1], 2 * model.signal.std[0], rtol=1e-5)
        caplog.clear()
    named, calibrated = LiveDecoder(pooled, subject=2), LiveDecoder(pooled)
    calibrated.calibrate(recording.signal)
    for decoder in (named, calibrated):
        decoder.push(recording.signal[:600])
    assert not caplog.records
    np.testing.assert_array_equal(named._statistics[0], signal.mean[1])


def test_a_decoder_without_known_subjects_must_be_calibrated(model, recording):
    decoder = LiveDecoder(dataclasses.replace(model, subjects=(), trained_on={}, statistics_from={}))
    with pytest.raises(DataError, match=r"has no z-score.*calibrate\(samples\) first"):
        decoder.push(recording.signal[:600])


def share_right(decoder, recording):
    """Returns the share of the decisions that are right, of windows that lie within a movement."""
    ends = np.arange(600, len(recording.signal) + 1, UPDATE)
    truth = recording.movement[ends - 1]
    within = truth == recording.movement[ends - 600]
    found = [decision.movement for decision in decoder.push(recording.signal)]
    return np.mean(np.array(found)[within] == np.array(recording.movement_names)[truth[within]])


@pytest.mark.slow
def test_another_person_is_calibrated_with_labels(model):
    other = synthetic.generate(2, synthetic.Settings(subjects=2, movement_s=1.0, rest_s=0.0))
    known, new = (
        dataclasses.replace(
            other,
            signal=other.signal[other.repetition == repetition],
            movement=other.movement[other.repetition == repetition],
            repetition=other.repetition[other.repetition == repetition],
        )
        for repetition in (1, 2)
    )
    decoder = LiveDecoder(model)
    decoder.calibrate(known.signal)
    before = share_right(decoder, new)
    decoder.calibrate(known.signal, known.movement, progress=False)
    after = share_right(decoder, new)
    assert after > before + 0.1
    assert decoder.model.params is not model.params
    with pytest.raises(DataError, match="two movements or more; the recording has windows of"):
        decoder.calibrate(known.signal[:1000], known.movement[:1000])
    with pytest.raises(DataError, match="no movement of the recording is as long as a window"):
        decoder.calibrate(known.signal[:700], np.full(700, -1))
    with pytest.raises(DataError, match="one integer for each of the 700 samples"):
        decoder.calibrate(known.signal[:700], known.movement[:600])


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"update": "0.2ms"}, ConfigError, "update='0.2ms' is 0.4 samples at 2000 Hz"),
        ({"vote": 0}, ConfigError, "vote=0: must be at least 1"),
        ({"least_probability": 1.0}, ConfigError, "least_probability=1: must be at least 0 and below 1"),
    ],
)
def test_bad_settings_are_refused(model, settings, error, message):
    with pytest.raises(error, match=message):
        LiveDecoder(model, **settings)


def test_samples_of_other_channels_are_refused(model):
    with pytest.raises(DataError, match=r"samples are \[5, 11\]; this decoder takes \[n, 12\]"):
        LiveDecoder(model).push(np.zeros((5, 11)))


def test_recordings_that_cannot_be_calibrated_with_are_refused_for_what_is_wrong(model, recording):
    decoder, samples = LiveDecoder(model), recording.signal[:2000].copy()
    with pytest.raises(DataError, match="599 samples: calibration needs at least 600 samples"):
        decoder.calibrate(samples[:599])
    samples[[3, 700], [0, 5]] = np.nan, np.inf
    with pytest.raises(DataError, match="2 of the 2000 samples are not finite"):
        decoder.calibrate(samples)


def test_without_labels_windows_are_built_for_an_aligned_decoder_alone_and_not_too_many(model, monkeypatch):
    monkeypatch.setattr("finjax.live.decoder.some_windows", lambda *_: pytest.fail("builds windows"))
    LiveDecoder(model).calibrate(np.random.default_rng(0).normal(size=(2000, 12)))
    samples = np.arange(600 + 5000 * model.framing.step)[:, None] * np.ones(12)
    windows = some_windows(samples, model)
    assert windows.shape == (2000, 12, 600)
    assert windows[0, 0, 0] == 0 and windows[-1, 3, -1] == len(samples) - 1
    assert set(np.diff(windows[:, 0, 0])) == {2 * model.framing.step, 3 * model.framing.step}
    few = some_windows(samples[: 600 + 3 * model.framing.step], model)
    assert few[:, 0, 0].tolist() == [number * model.framing.step for number in range(4)]
