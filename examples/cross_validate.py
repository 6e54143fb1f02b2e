"""Cross-validates FINs as a scikit-learn estimator, one repetition left out at a time.

python -m examples.cross_validate
"""

import sys

import numpy as np
from sklearn.model_selection import LeaveOneGroupOut, cross_val_score

from finjax.data import synthetic
from finjax.data.windows import Framing, index_windows, pack
from finjax.estimator import FINClassifier, FINFeatures


def windows_of(subject: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns windows of 300 ms `[n, C, T]` of six movements, their names and their repetitions; 2 kHz."""
    settings = synthetic.Settings(subjects=1, movement_s=1.0, rest_s=0.0)
    store = pack([synthetic.generate(subject, settings)])
    index = index_windows(store.segments, Framing(length=600, step=200, horizon=0))
    index = index[(index.movement < 6) & (index.repetition <= 3)]
    return store.cut_out(index, length=600), np.array(store.movement_names)[index.movement], index.repetition


def main(steps: int = 300, tune_steps: int = 30) -> None:
    """Prints the accuracy on each repetition."""
    windows, movements, repetitions = windows_of(subject=1)
    classifier = FINClassifier(FINFeatures(steps=steps), tune_steps=tune_steps)
    scores = cross_val_score(classifier, windows, movements, groups=repetitions, cv=LeaveOneGroupOut())
    print(f"accuracy on each repetition left out: {np.round(scores, 3)} (synthetic data)")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
