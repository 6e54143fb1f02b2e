"""Statistics over subjects: mean, confidence interval and paired test."""

from collections.abc import Sequence

import numpy as np
import scipy  # loads its modules when they are used

from finjax.system.arithmetic import numpy_defaults

RESAMPLES = 10_000
CONFIDENCE = 0.95


@numpy_defaults()
def summarise(values: Sequence[float], *, seed: int = 0) -> dict:
    """Summarises one value per subject.

    Args:
        values: one value per subject.
        seed: seed of the bootstrap.

    Returns:
        `mean`; `sd` between subjects (ddof 1); `low` and `high`, the 95 % percentile bootstrap interval of the
        mean over subjects; `subjects` (n). One subject has no `sd` and no interval: they are NaN.

    Raises:
        ValueError: there are no values.

    Reference: Efron & Tibshirani 1993, "An Introduction to the Bootstrap", chapter 13.
    """
    x = np.asarray(values, np.float64)
    if len(x) == 0:
        raise ValueError("no values to summarise; give one value per subject, for at least 1 subject")
    mean, sd, low, high = x.mean(), np.nan, np.nan, np.nan
    if len(x) > 1:
        sd = x.std(ddof=1)
        low = high = mean
    if np.ptp(x) > 0:
        interval = scipy.stats.bootstrap(
            (x,),
            np.mean,
            n_resamples=RESAMPLES,
            confidence_level=CONFIDENCE,
            method="percentile",
            # SciPy names it `rng` since 1.15, and accepts the older name too.
            random_state=np.random.default_rng(seed),  # pyright: ignore[reportCallIssue]
        ).confidence_interval
        low, high = interval.low, interval.high
    return {"mean": float(mean), "sd": float(sd), "low": float(low), "high": float(high), "subjects": len(x)}


@numpy_defaults()
def compare(values: Sequence[float], baseline: Sequence[float]) -> dict:
    """Compares two values of each subject; higher is better.

    Args:
        values: one value per subject.
        baseline: the values to compare with, of the same subjects in the same order.

    Returns:
        `difference`, the mean of value − baseline; `p` of the two-sided Wilcoxon signed-rank test with the
        ranks of zero differences split between the signs (1 if all are zero, NaN for fewer than two subjects);
        `better`, `worse` and `equal`, the numbers of subjects.

    Raises:
        ValueError: there are no values, or not as many as baseline values.

    Reference: Wilcoxon 1945, "Individual comparisons by ranking methods".

    Example:
        >>> result = compare([0.9, 0.8, 0.95], [0.8, 0.8, 0.9])
        >>> round(result["difference"], 3), result["better"], result["equal"]
        (0.05, 2, 1)
    """
    x, y = np.asarray(values, np.float64), np.asarray(baseline, np.float64)
    if x.shape != y.shape or len(x) == 0:
        raise ValueError(f"{len(x)} values and {len(y)} baseline values; give one of each per subject, at least 1")
    difference = x - y
    if len(difference) < 2:
        p = np.nan
    elif not difference.any():
        p = 1.0
    else:
        p = scipy.stats.wilcoxon(difference, zero_method="zsplit").pvalue  # pyright: ignore[reportAttributeAccessIssue]
    return {
        "difference": float(difference.mean()),
        "p": float(p),
        "better": int(np.sum(difference > 0)),
        "worse": int(np.sum(difference < 0)),
        "equal": int(np.sum(difference == 0)),
    }
