"""Figures with one feature, one method, one subject or long names are whole: nothing reaches the edge."""

import matplotlib.image
import numpy as np
import pandas as pd
import pytest

from finjax.evaluation import figures
from finjax.study import figures as of_study

LONG = "fin_cnn_with_a_rather_long_name_of_a_method"
TITLE = "logarithm of the standard deviation of the second difference"
ONE_FIN = pd.DataFrame([{"feature": "rms", "horizon_ms": h, "r2_seen": 0.91, "r2_unseen": 0.82} for h in (0, 100)])
ONE_METHOD = pd.DataFrame([{"method": LONG, "mean": 0.7, "low": np.nan, "high": np.nan, "subject_1": 0.7}])
METHODS = [f"{LONG}_{number}" for number in range(4)]
SHARES = pd.DataFrame([{"method": m, "x": x, "mean": 0.5, "low": 0.4, "high": 0.6} for m in METHODS for x in (20, 40)])
RESULT = {"seen": {"r2_by_subject_and_channel": {"1": {"a": 0.9}}}, "horizon_ms": 0, "dataset": LONG}
DRAWN = {
    "fin_bars": lambda path: of_study.fin_bars(path, ONE_FIN),
    "r2_curves": lambda path: of_study.r2_curves(path, ONE_FIN),
    "one_method": lambda path: of_study.accuracy_by_method(path, ONE_METHOD, of_study.colours_of([LONG])),
    "long_names": lambda path: of_study.accuracy_curves(
        path, SHARES, of_study.colours_of(METHODS), over="x", label="share (%)"
    ),
    "one_subject": lambda path: figures.accuracy_by_subject(path, [{"subject": 1, "accuracy": 0.5}]),
    "two_movements": lambda path: figures.confusion(path, np.eye(2), [LONG, "rest"]),
    "long_title": lambda path: figures.r2_distribution(path, RESULT, label=TITLE),
}


@pytest.mark.parametrize("name", DRAWN)
def test_nothing_in_a_figure_is_cut_off(tmp_path, name):
    DRAWN[name](tmp_path / "figure.png")
    image = matplotlib.image.imread(tmp_path / "figure.png")[..., :3]
    assert image.min() < 0.5, "nothing is drawn"
    edges = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    np.testing.assert_array_equal(edges, 1.0)
