"""Scores against scikit-learn and by hand."""

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given
from hypothesis import strategies as st

from finjax.evaluation.regression import score, score_by_group

rng = np.random.default_rng(0)
TRUE = rng.gamma(2.0, 100.0, size=(40, 3)).astype(np.float32)
PREDICTED = (TRUE + rng.normal(0, 30, TRUE.shape)).astype(np.float32)


@given(
    seed=st.integers(0, 2**32 - 1), windows=st.integers(2, 50), error=st.sampled_from([0.0, 1.0, 30.0, 1000.0]),
    offset=st.sampled_from([0.0, 1e4]),
)  # fmt: skip
def test_scores_are_those_of_scikit_learn(seed, windows, error, offset):
    rng = np.random.default_rng(seed)
    true = (rng.gamma(2.0, 100.0, size=(windows, 3)) + offset).astype(np.float32)
    predicted = (true + rng.normal(0, error, true.shape)).astype(np.float32)
    ours, flat = score(true, predicted), (true.ravel().astype(float), predicted.ravel().astype(float))
    assert ours["r2"] == pytest.approx(sklearn.metrics.r2_score(*flat), rel=1e-9)
    assert ours["mae"] == pytest.approx(sklearn.metrics.mean_absolute_error(*flat), rel=1e-9)
    mape = 100 * sklearn.metrics.mean_absolute_percentage_error(*flat)
    assert ours["mape"] == pytest.approx(mape, rel=1e-9)


def test_r2_of_bad_predictions_is_not_clipped():
    assert score(np.array([0.0, 1.0]), np.array([1.0, 0.0]))["r2"] == -3.0


def test_a_constant_truth_has_no_r2_and_zeros_no_percentage():
    scores = score(np.zeros(4), np.ones(4))
    assert np.isnan(scores["r2"]) and np.isnan(scores["mape"])
    assert scores["mae"] == 1.0
    assert score(np.array([0.0, 2.0]), np.array([1.0, 1.0]))["mape"] == 50.0


def test_groups_are_scored_apart():
    subjects = np.repeat([3, 8], 20)
    result = score_by_group(TRUE, PREDICTED, subjects, ("a", "b", "c"))
    assert result["windows"] == 40
    assert result["r2"] == score(TRUE, PREDICTED)["r2"]
    assert result["per_subject"]["8"] == {**score(TRUE[20:], PREDICTED[20:]), "windows": 20}
    assert result["per_channel"]["b"] == score(TRUE[:, 1], PREDICTED[:, 1])
    assert result["r2_by_subject_and_channel"]["3"]["c"] == score(TRUE[:20, 2], PREDICTED[:20, 2])["r2"]
