"""Summaries and paired tests against numbers worked out by hand or by counting all cases."""

import itertools

import numpy as np
import pytest

from finjax.evaluation.statistics import compare, summarise


def test_mean_and_deviation_by_hand():
    summary = summarise([1.0, 2.0, 6.0])
    assert summary["mean"] == 3.0
    assert summary["sd"] == pytest.approx(np.sqrt((4 + 1 + 9) / 2))
    assert summary["subjects"] == 3


def test_interval_is_that_of_all_resamples():
    values = [0.61, 0.7, 0.72, 0.8, 0.93]
    means = np.mean(list(itertools.product(values, repeat=5)), axis=1)  # all 3125, equally likely
    summary = summarise(values)
    np.testing.assert_allclose([summary["low"], summary["high"]], np.percentile(means, [2.5, 97.5]), atol=0.005)


def test_the_seed_decides_the_interval():
    values = np.random.default_rng(1).normal(size=9)
    assert summarise(values, seed=3) == summarise(values, seed=3)
    assert summarise(values, seed=3)["low"] != summarise(values, seed=4)["low"]


def test_one_subject_has_no_spread():
    summary = summarise([0.9])
    assert summary["mean"] == 0.9 and summary["subjects"] == 1
    assert np.isnan([summary["sd"], summary["low"], summary["high"]]).all()


def test_equal_subjects_have_an_interval_of_no_width():
    summary = summarise([0.1] * 7)
    assert summary["low"] == summary["high"] == summary["mean"]
    assert summary["sd"] == pytest.approx(0.0, abs=1e-12)


def test_no_subjects_are_refused():
    with pytest.raises(ValueError, match="no values"):
        summarise([])
    with pytest.raises(ValueError, match="0 values and 0 baseline values"):
        compare([], [])


@pytest.mark.parametrize(
    ("difference", "p"),
    [
        ([1, 2, 3, 4, 5], 2 / 2**5),  # the most extreme of 32 assignments of signs, on either side
        ([-1, 2, 3, 4, 5], 4 / 2**5),  # and the next one: ranks of 1 against 14
        ([-1, -2, -3, -4, -5], 2 / 2**5),
        ([1, -2, -3, 4], 1.0),  # ranks of 5 against 5
    ],
)
def test_p_by_counting_signs(difference, p):
    baseline = np.array([10.0, 30.0, 20.0, 50.0, 40.0])[: len(difference)]
    result = compare(baseline + difference, baseline)
    assert result["p"] == pytest.approx(p)
    assert result["difference"] == pytest.approx(np.mean(difference))


def test_subjects_are_counted_by_sign_and_zero_differences_keep_their_ranks():
    result = compare([1.0, 2.0, 3.0, 4.0], [1.0, 1.0, 4.0, 4.0])
    assert (result["better"], result["worse"], result["equal"]) == (1, 1, 2)
    assert result["p"] == pytest.approx(1.0)  # the zeros' ranks and those of ±1 are split evenly


def test_no_difference_has_p_1_and_a_single_pair_none():
    assert compare([0.5, 0.7, 0.9], [0.5, 0.7, 0.9]) == {"difference": 0, "p": 1.0, "better": 0, "worse": 0, "equal": 3}
    single = compare([0.5], [0.25])
    assert np.isnan(single["p"]) and single["difference"] == 0.25 and single["better"] == 1


def test_unpaired_values_are_refused():
    with pytest.raises(ValueError, match="3 values and 2 baseline values"):
        compare([1.0, 2.0, 3.0], [1.0, 2.0])
