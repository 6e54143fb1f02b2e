"""Guided calibration: the samples of a stream and the labels that its prompts give them."""

import pickle

import numpy as np
import pytest

from finjax.errors import ConfigError, DataError
from finjax.web.calibration import REACTION_S, Calibration

RATE_HZ = 100.0
NAMES = ("rest", "grip", "pinch")


def calibration(movements=("grip", "pinch"), **options) -> Calibration:
    options = {"repetitions": 1, "hold_s": 1.0, "rate_hz": RATE_HZ} | options
    return Calibration(movements, NAMES, **options)


def run(guided: Calibration, *, chunk: int = 5) -> dict[str, list[int]]:
    """Passes samples that count up, until the end; returns the samples that came while each movement was held."""
    held, count = {}, 0
    while not guided.is_complete:
        state = guided.state()
        if state["phase"] == "hold":
            held.setdefault(state["movement"], []).extend(range(count, count + chunk))
        guided.take(np.arange(count, count + chunk, dtype=np.float32)[:, None])
        count += chunk
        assert count < 10_000
    return held


def test_samples_get_the_label_of_the_movement_that_was_shown_but_for_the_reaction():
    guided = calibration(movements=("pinch", "grip"))
    held = run(guided)
    samples, labels = guided.recording()
    np.testing.assert_array_equal(samples[:, 0], np.arange(len(samples)))
    assert set(held) == {"grip", "pinch"}
    for name, places in held.items():
        labelled = np.flatnonzero(labels == NAMES.index(name))
        reaction = round(REACTION_S * RATE_HZ)
        assert labelled.tolist() == places[reaction:], name
    assert np.count_nonzero(labels == -1) == len(labels) - 2 * 50


def test_samples_of_a_pause_are_left_out():
    guided = calibration()
    guided.take(np.zeros((10, 1), np.float32))
    guided.command("pause")
    assert guided.state()["paused"]
    guided.take(np.full((500, 1), np.nan, np.float32))
    guided.command("resume")
    run(guided)
    samples, _ = guided.recording()
    assert np.isfinite(samples).all()


def test_movements_that_were_skipped_have_no_label():
    guided = calibration(movements=NAMES)
    while guided.state()["phase"] != "hold":
        guided.take(np.zeros((5, 1), np.float32))
    skipped = guided.state()["movement"]
    guided.command("skip")
    run(guided)
    _, labels = guided.recording()
    assert set(labels) == {-1, 0, 1, 2} - {NAMES.index(skipped)}


def test_too_few_movements_cannot_be_fitted_to():
    guided = calibration()
    while guided.state()["phase"] != "hold":
        guided.take(np.zeros((5, 1), np.float32))
    guided.command("skip")
    run(guided)
    with pytest.raises(ConfigError, match="fewer than two movements"):
        guided.recording()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"movements": ("grip",)}, "two movements or more"),
        ({"movements": ("grip", "wave")}, "no movement 'wave'"),
        ({"hold_s": 0.5}, "more than 0.5 s"),
        ({"hold_s": float("nan")}, "seconds"),
        ({"repetitions": 0}, "repetitions"),
        ({"repetitions": 600, "hold_s": 5.0}, "take 170 minutes"),
    ],
)
def test_calibrations_that_are_not_possible_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        calibration(**options)


def test_a_sample_that_is_not_finite_is_replaced_and_loses_its_label():
    guided, count = calibration(), 0
    while not guided.is_complete:
        samples = np.arange(count, count + 5, dtype=np.float32)[:, None] + np.array([0, 1000], np.float32)
        if count in (0, 260, 265):  # the first samples, and ten while the first movement is held
            samples[:, 1] = np.nan
        if count == 270:
            samples[2, 0] = np.inf
        guided.take(samples)
        count += 5
    samples, labels = guided.recording()
    held = np.flatnonzero(labels != -1)
    assert not {*range(260, 270), 272} & set(held) and {259, 270, 271, 273} <= set(held)
    assert len(held) == 2 * 50 - 11
    expected = np.arange(count, dtype=np.float32)[:, None] + np.array([0, 1000], np.float32)
    expected[:5, 1], expected[260:270, 1], expected[272, 0] = 0, 1259, 271
    np.testing.assert_array_equal(samples, expected)


def test_a_calibration_without_finite_samples_says_so():
    guided = calibration()
    while not guided.is_complete:
        guided.take(np.full((5, 2), [1, np.nan], np.float32))
    with pytest.raises(DataError, match=r"(\d+) of \1 samples were not finite"):
        guided.recording()


def test_a_calibration_is_pickled_in_few_parts_and_stays_the_same():
    guided = calibration()
    run(guided, chunk=1)
    copied = pickle.loads(pickle.dumps(guided))
    assert len(copied._chunks) == -(-len(guided._chunks) // 500) < 5
    for expected, found in zip(guided.recording(), copied.recording(), strict=True):
        np.testing.assert_array_equal(found, expected)
