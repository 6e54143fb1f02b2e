"""Scores of movement recognition: confusion matrix, accuracy and related scores, majority vote."""

import itertools

import numpy as np

from finjax.system.arithmetic import numpy_defaults

ONSET_S = (0.0, 0.25, 0.5, 1.0)  # starts of the intervals of `accuracy_since_onset`


def confusion_matrix(true: np.ndarray, predicted: np.ndarray, *, classes: int) -> np.ndarray:
    """Counts the windows of each true movement by predicted movement.

    Args:
        true: `[n]` class indices, 0 to K − 1; n is 1 or more.
        predicted: `[n]` class indices.
        classes: number of classes (K), including those that do not occur.

    Returns:
        `[K, K]` int64, a row for each true class and a column for each predicted one.

    Raises:
        ValueError: there are no windows.
    """
    import sklearn.metrics  # takes a second to import

    assert true.shape == predicted.shape, (true.shape, predicted.shape)
    if not len(true):  # older releases of scikit-learn accept this
        raise ValueError("no windows: a confusion matrix needs at least one")
    for labels in (true, predicted):  # scikit-learn ignores other labels silently
        assert np.isin(labels, np.arange(classes)).all(), (np.unique(labels), classes)
    return sklearn.metrics.confusion_matrix(true, predicted, labels=np.arange(classes)).astype(np.int64)


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Returns `part / whole`, and NaN where the whole is 0."""
    return np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0)


@numpy_defaults()
def score(confusion: np.ndarray) -> dict:
    """Computes the scores of a confusion matrix, or of the sum of several.

    Args:
        confusion: `[K, K]` counts of at least one window, rows true.

    Returns:
        `accuracy`; `balanced_accuracy`, the mean recall of the classes that occur; `macro_f1`, the mean
        F1 = 2 hits / (true + predicted) of the classes that occur or are predicted; `recall`, K values,
        NaN where the class does not occur; `windows` (n). All but the last are fractions, 0 to 1.
    """
    hits, true, predicted = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)  # [K] each
    windows = int(confusion.sum())
    assert windows > 0, "a confusion matrix without windows has no scores"
    recall = _ratio(hits, true)
    return {
        "accuracy": float(hits.sum() / windows),
        "balanced_accuracy": float(np.nanmean(recall)),
        "macro_f1": float(np.nanmean(_ratio(2 * hits, true + predicted))),
        "recall": recall.tolist(),
        "windows": windows,
    }


def majority_vote(predicted: np.ndarray, segment: np.ndarray, *, last: int) -> np.ndarray:
    """Replaces each decision by the majority of itself and the decisions before it in the same segment.

    At the start of a segment fewer decisions vote. If movements tie, the one that was predicted last wins.

    Args:
        predicted: `[n]` integers, the decisions in temporal order.
        segment: `[n]`, the segment of each window; the windows of a segment follow each other.
        last: how many decisions vote, including the current one; 1 changes nothing.

    Returns:
        `[n]`, the decisions after the vote.

    Raises:
        ValueError: `last` is below 1.

    Reference: Englehart & Hudgins 2003, "A robust, real-time control scheme for multifunction myoelectric
    control".

    Example:
        >>> majority_vote(np.array([3, 3, 8, 3]), np.zeros(4, int), last=3).tolist()
        [3, 3, 3, 3]
    """
    if last < 1:
        raise ValueError(f"last={last}: must be at least 1")
    assert predicted.shape == segment.shape, (predicted.shape, segment.shape)
    index = np.arange(len(predicted))
    opens = np.concatenate([[True], segment[1:] != segment[:-1]])[: len(index)]
    first = np.maximum.accumulate(np.where(opens, index, 0))  # [n] the first window of the segment
    first = np.maximum(first, index - last + 1)  # [n] the first that votes

    winner, most = predicted.copy(), np.full(len(index), -1)
    for movement in np.unique(predicted):
        is_movement = predicted == movement
        counts = np.concatenate([[0], np.cumsum(is_movement)])
        votes = counts[index + 1] - counts[first]
        latest = np.maximum.accumulate(np.where(is_movement, index, -1))
        rank = votes * len(index) + latest  # latest < n, so it decides only between equal votes
        winner[rank > most] = movement
        most = np.maximum(most, rank)
    return winner


def accuracy_since_onset(correct: np.ndarray, since_s: np.ndarray) -> list[dict[str, float]]:
    """Returns the accuracy of windows by the time from the start of their segment to the start of the window.

    People react late, so that the first windows of a movement often hold another one.

    Args:
        correct: `[n]` whether each window is recognised.
        since_s: `[n]` times in seconds.

    Returns:
        For each interval of `ONSET_S`: its limits `from_s` and `to_s` (None: no limit), `windows`, and `accuracy`
        (None without windows).
    """
    found = []
    for first, last in itertools.pairwise((*ONSET_S, None)):
        rows = (since_s >= first) & (since_s < (np.inf if last is None else last))
        accuracy = float(correct[rows].mean()) if rows.any() else None
        found.append({"from_s": first, "to_s": last, "windows": int(rows.sum()), "accuracy": accuracy})
    return found
