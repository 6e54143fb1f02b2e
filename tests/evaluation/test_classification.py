"""Scores against scikit-learn on the labels, votes against numbers worked out by hand and a plain loop."""

from collections import Counter

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given
from hypothesis import strategies as st

from finjax.evaluation.classification import accuracy_since_onset, confusion_matrix, majority_vote, score

rng = np.random.default_rng(0)
TRUE = rng.integers(0, 5, size=300)
PREDICTED = np.where(rng.random(300) < 0.6, TRUE, rng.integers(0, 5, size=300))


def test_confusion_matrix_has_a_row_for_each_true_class_even_if_absent():
    confusion = confusion_matrix(np.array([0, 0, 0, 2]), np.array([0, 2, 2, 2]), classes=4)
    assert confusion.dtype == np.int64
    np.testing.assert_array_equal(confusion, [[1, 0, 2, 0], [0, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]])


@pytest.mark.parametrize("bad", [3, -1])
def test_a_label_that_is_no_class_is_refused(bad):
    with pytest.raises(AssertionError):
        confusion_matrix(np.array([0, 1]), np.array([0, bad]), classes=3)


def test_no_windows_are_refused():
    with pytest.raises(ValueError, match="no windows"):
        confusion_matrix(np.zeros(0, int), np.zeros(0, int), classes=3)


LABELS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=60)


@given(pairs=LABELS)
def test_scores_are_those_of_scikit_learn(pairs):
    true, predicted = np.array(pairs).T
    ours = score(confusion_matrix(true, predicted, classes=5))
    occurring = np.unique(true)
    recall = sklearn.metrics.recall_score(true, predicted, labels=np.arange(5), average=None, zero_division=0)
    assert ours["accuracy"] == pytest.approx(sklearn.metrics.accuracy_score(true, predicted))
    assert ours["balanced_accuracy"] == pytest.approx(recall[occurring].mean())
    assert ours["macro_f1"] == pytest.approx(
        sklearn.metrics.f1_score(true, predicted, average="macro", zero_division=0)
    )
    expected = np.where(np.isin(np.arange(5), occurring), recall, np.nan)
    assert ours["recall"] == pytest.approx(expected, nan_ok=True)
    assert ours["windows"] == len(pairs)


def test_a_class_that_is_only_predicted_counts_for_f1_alone():
    true, predicted = np.array([0, 0, 0, 0, 2, 2]), np.array([0, 0, 0, 1, 2, 0])
    ours = score(confusion_matrix(true, predicted, classes=4))
    assert ours["recall"] == pytest.approx([0.75, np.nan, 0.5, np.nan], nan_ok=True)
    assert ours["balanced_accuracy"] == pytest.approx((0.75 + 0.5) / 2)
    assert ours["macro_f1"] == pytest.approx((6 / 8 + 0 + 2 / 3) / 3)
    assert ours["macro_f1"] == pytest.approx(sklearn.metrics.f1_score(true, predicted, average="macro"))


def test_votes_by_hand():
    predicted = np.array([1, 1, 2, 2, 3, 1, 1])
    np.testing.assert_array_equal(majority_vote(predicted, np.zeros(7), last=2), [1, 1, 2, 2, 3, 1, 1])
    np.testing.assert_array_equal(majority_vote(predicted, np.zeros(7), last=3), [1, 1, 1, 2, 2, 1, 1])
    np.testing.assert_array_equal(majority_vote(predicted, np.zeros(7), last=4), [1, 1, 1, 2, 2, 2, 1])


def test_a_vote_does_not_reach_into_the_segment_before():
    predicted, segment = np.array([1, 1, 1, 2, 1, 2]), np.array([7, 7, 7, 4, 4, 4])
    np.testing.assert_array_equal(majority_vote(predicted, segment, last=5), [1, 1, 1, 2, 1, 2])
    np.testing.assert_array_equal(majority_vote(predicted, np.zeros(6), last=5), [1, 1, 1, 1, 1, 1])


@given(pairs=LABELS, last=st.integers(1, 80))
def test_votes_equal_a_loop_over_windows(pairs, last):
    predicted, segment = np.array(pairs)[:, 0], np.sort(np.array(pairs)[:, 1])
    expected = []
    for i in range(len(pairs)):
        voters = [predicted[j] for j in range(i, max(i - last, -1), -1) if segment[j] == segment[i]]
        expected.append(Counter(voters).most_common(1)[0][0])  # of those tied, the first met: most recent first
    np.testing.assert_array_equal(majority_vote(predicted, segment, last=last), expected)


def test_a_vote_of_one_changes_nothing_and_leaves_its_input_alone():
    before = PREDICTED.copy()
    np.testing.assert_array_equal(majority_vote(PREDICTED, np.zeros(300), last=1), before)
    majority_vote(PREDICTED, np.zeros(300), last=9)
    np.testing.assert_array_equal(PREDICTED, before)


def test_no_windows_have_no_votes():
    assert majority_vote(np.zeros(0, int), np.zeros(0, int), last=3).shape == (0,)


def test_a_vote_of_zero_windows_is_refused():
    with pytest.raises(ValueError, match="last=0"):
        majority_vote(PREDICTED, np.zeros(300), last=0)


def test_accuracy_is_counted_by_the_time_since_the_onset():
    since_s = np.array([0.0, 0.2, 0.25, 0.45, 1.0, 1.5, 9.0])
    correct = np.array([False, True, False, False, True, True, False])
    assert accuracy_since_onset(correct, since_s) == [
        {"from_s": 0.0, "to_s": 0.25, "windows": 2, "accuracy": 0.5},
        {"from_s": 0.25, "to_s": 0.5, "windows": 2, "accuracy": 0.0},
        {"from_s": 0.5, "to_s": 1.0, "windows": 0, "accuracy": None},
        {"from_s": 1.0, "to_s": None, "windows": 3, "accuracy": pytest.approx(2 / 3)},
    ]
