"""FINs for scikit-learn: a transformer from windows to imitated features, and a classifier of movements.

For example::

    cross_val_score(FINClassifier(), windows, movements, groups=repetitions, cv=LeaveOneGroupOut())

Windows are `[n, C, T]`, channels first as in LibEMG, or flattened to `[n, C × T]`.
"""

from finjax.estimator.classifier import FINClassifier
from finjax.estimator.features import FINFeatures

__all__ = ["FINClassifier", "FINFeatures"]
