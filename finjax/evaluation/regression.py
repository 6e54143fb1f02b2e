"""Scores of imitated features: R², mean absolute error and mean absolute percentage error."""

import numpy as np

from finjax.system.arithmetic import numpy_defaults


@numpy_defaults()
def score(true: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """Scores predictions over everything given, flattened.

    R² is 1 − Σ(y − ŷ)² / Σ(y − mean y)² over all values at once; it is not averaged over parts, nor clipped.

    Args:
        true: feature values, any shape.
        predicted: the same shape.

    Returns:
        `r2` (NaN if the true values are constant), `mae` in the feature's unit and `mape` in per cent
        (over the true values that are not 0).
    """
    assert true.shape == predicted.shape, (true.shape, predicted.shape)
    true, predicted = true.astype(np.float64).ravel(), predicted.astype(np.float64).ravel()
    error = np.abs(true - predicted)
    spread = np.sum((true - true.mean()) ** 2)
    nonzero = true != 0
    return {
        "r2": float(1 - np.sum(error**2) / spread) if spread > 0 else float("nan"),
        "mae": float(error.mean()),
        "mape": float(100 * np.mean(error[nonzero] / np.abs(true[nonzero]))) if nonzero.any() else float("nan"),
    }


@numpy_defaults()
def score_by_group(
    true: np.ndarray, predicted: np.ndarray, subjects: np.ndarray, channel_names: tuple[str, ...]
) -> dict:
    """Scores all windows at once, each subject, each channel, and each channel of each subject.

    Args:
        true: feature values `[n, C]`.
        predicted: `[n, C]`.
        subjects: `[n]` subject numbers.
        channel_names: C names.

    Returns:
        The fields of `score`, `windows` (n), `per_subject` and `per_channel` with the same fields by name, and
        `r2_by_subject_and_channel`.
    """
    present = np.unique(subjects).tolist()
    rows = {subject: subjects == subject for subject in present}
    return {
        **score(true, predicted),
        "windows": len(true),
        "per_subject": {
            str(s): {**score(true[rows[s]], predicted[rows[s]]), "windows": int(rows[s].sum())} for s in present
        },
        "per_channel": {name: score(true[:, c], predicted[:, c]) for c, name in enumerate(channel_names)},
        "r2_by_subject_and_channel": {
            str(s): {name: score(true[rows[s], c], predicted[rows[s], c])["r2"] for c, name in enumerate(channel_names)}
            for s in present
        },
    }
