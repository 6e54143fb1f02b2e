"""What can be said of all subjects from one value of each: mean, confidence interval, paired test."""

from collections.abc import Sequence

import numpy as np
import scipy.stats

from finjax.system.arithmetic import numpy_defaults

RESAMPLES = 10_000
CONFIDENCE = 0.95


@numpy_defaults()
def summarise(values: Sequence[float], *, seed: int = 0) -> dict:
    """Summarises one value per subject.

    Args:
        values: one of each subject.
        seed: of the bootstrap.

    Returns:
        `mean`; `sd` between subjects (ddof 1); `low` and `high`, the 95 % percentile bootstrap interval of the
        mean over subjects; `subjects` (n). One subject has no `sd` and no interval: they are NaN.

    Raises:
        ValueError: there are no values.

    Reference: Efron & Tibshirani 1993, "An Introduction to the Bootstrap", chapter 13.
    """
    values = np.asarray(values, np.float64)
    if len(values) == 0:
        raise ValueError("no values to summarise; give one per subject, of 1 subject or more")
    mean, sd, low, high = values.mean(), np.nan, np.nan, np.nan
    if len(values) > 1:
        sd = values.std(ddof=1)
        low = high = mean
    if np.ptp(values) > 0:
        interval = scipy.stats.bootstrap(
            (values,),
            np.mean,
            n_resamples=RESAMPLES,
            confidence_level=CONFIDENCE,
            method="percentile",
            random_state=np.random.default_rng(seed),  # the name before SciPy 1.15; later ones take it too
        ).confidence_interval
        low, high = interval.low, interval.high
    return {"mean": float(mean), "sd": float(sd), "low": float(low), "high": float(high), "subjects": len(values)}


@numpy_defaults()
def compare(values: Sequence[float], baseline: Sequence[float]) -> dict:
    """Compares two values of each subject, of which the higher is the better.

    Args:
        values: one of each subject.
        baseline: what to compare with, of the same subjects in the same order.

    Returns:
        `difference`, the mean of value − baseline; `p` of the two-sided Wilcoxon signed-rank test with the
        ranks of zero differences split between the signs (1 if all are zero, NaN for fewer than two subjects);
        `better`, `worse` and `equal`, how many subjects are so.

    Raises:
        ValueError: there are no values, or not as many as baseline values.

    Reference: Wilcoxon 1945, "Individual comparisons by ranking methods".

    Example:
        >>> result = compare([0.9, 0.8, 0.95], [0.8, 0.8, 0.9])
        >>> round(result["difference"], 3), result["better"], result["equal"]
        (0.05, 2, 1)
    """
    values, baseline = np.asarray(values, np.float64), np.asarray(baseline, np.float64)
    if values.shape != baseline.shape or len(values) == 0:
        raise ValueError(f"{len(values)} values against {len(baseline)}; give one pair per subject, 1 or more")
    difference = values - baseline
    if len(difference) < 2:
        p = np.nan
    elif not difference.any():
        p = 1.0
    else:
        p = scipy.stats.wilcoxon(difference, zero_method="zsplit").pvalue
    return {
        "difference": float(difference.mean()),
        "p": float(p),
        "better": int(np.sum(difference > 0)),
        "worse": int(np.sum(difference < 0)),
        "equal": int(np.sum(difference == 0)),
    }
