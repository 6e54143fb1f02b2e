"""Classifiers of closed-form features: linear and regularised discriminant analysis, and a support-vector machine."""

from typing import TYPE_CHECKING

import numpy as np

from finjax.errors import ConfigError, DataError
from finjax.models import discriminant
from finjax.models.riemannian import RIEMANNIAN, fit_riemannian

if TYPE_CHECKING:  # scikit-learn takes a second to import, and only `fit` needs it
    from sklearn.pipeline import Pipeline

# The features are registered in `finjax.features`.
COVARIANCES = ("cov", "cov_d1", "cov_d2")  # what the classifiers of `RIEMANNIAN` take
FEATURE_SETS = {
    # The features that the paper's FINs imitate: Wu et al. 2024, arXiv 2405.19356.
    "paper": ("ent", "rms", "var", "ssi"),
    # The time-domain set: Hudgins et al. 1993, "A new strategy for multifunction myoelectric control".
    "hudgins": ("mav", "wl", "zc", "ssc"),
    # The logarithms of Hjorth's parameters: Hjorth 1970, "EEG analysis based on time domain properties".
    "logstd": ("logstd", "logstd_d1", "logstd_d2"),
    # Log-Euclidean covariances between channels: Barachant et al. 2012; and with features of single channels.
    "logcov": ("logcov", "logcov_d1", "logcov_d2"),
    "cov": COVARIANCES,
    "spatial": ("logstd", "logstd_d1", "logstd_d2", "smyop", "logcov", "logcov_d1", "logcov_d2"),
}
CLASSIFIERS = ("lda", "rda", "svm", *RIEMANNIAN)

SVM_C = (1, 10, 100)  # the validation rows choose one of them
DEFAULT_SVM_C = 10  # without validation rows


def check_classifier(name: str) -> None:
    """Raises `ConfigError` for an unknown classifier."""
    if name not in CLASSIFIERS:
        raise ConfigError(f"unknown classifier {name!r}; known are {', '.join(CLASSIFIERS)}")


def _svm(c: float) -> "Pipeline":
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    return make_pipeline(StandardScaler(), SVC(C=c, kernel="rbf", gamma="scale"))


def _best_c(features: np.ndarray, labels: np.ndarray, validation: np.ndarray) -> float:
    """Returns the C of the most accurate SVM on the validation rows; the smallest if several are equal."""
    rest = ~validation
    if len(np.unique(labels[rest])) < 2:
        raise DataError(
            "the rows that are not for validation have fewer than 2 movements, so C of the SVM cannot be chosen"
        )
    accuracy = {
        c: _svm(c).fit(features[rest], labels[rest]).score(features[validation], labels[validation]) for c in SVM_C
    }
    return max(accuracy, key=accuracy.__getitem__)


class RegularisedDiscriminant:
    """A regularised discriminant with any labels.

    Args:
        features: `[n, D]` training data.
        labels: `[n]`.
        ridge: see `fit`.
    """

    def __init__(self, features: np.ndarray, labels: np.ndarray, *, ridge: float = 0.0) -> None:
        self.classes, rows = np.unique(labels, return_inverse=True)
        self._params = discriminant.fit_discriminant(features, rows, kind="rda", classes=len(self.classes), ridge=ridge)

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Returns the most probable label of each row of `[n, D]`."""
        found = discriminant.scores(self._params, features.astype(np.float32))
        return self.classes[np.asarray(found).argmax(axis=1)]


def fit(
    classifier: str,
    features: np.ndarray,
    labels: np.ndarray,
    *,
    validation: np.ndarray | None = None,
    ridge: float = 0.0,
) -> "Pipeline | RegularisedDiscriminant":
    """Fits a classifier to standardised features.

    `lda` is linear discriminant analysis; `rda` adds a share of each movement's own covariance, see
    `finjax.models.discriminant`; `svm` has the kernel exp(−γ‖x − x'‖²) with γ = 1 / (D · variance of x). Its C is the
    value of `SVM_C` with the best accuracy on the validation rows after a fit to the others. The final fit uses all
    rows. `tangent` and `mdm` are in `finjax.models.riemannian`.

    Args:
        classifier: one of `CLASSIFIERS`.
        features: `[n, D]`; covariance matrices `[n, D, D]` for those of `RIEMANNIAN`.
        labels: `[n]`, the movement of each row.
        validation: `[n]` mask of the rows that choose C; without any, C is `DEFAULT_SVM_C`.
        ridge: share of a multiple of the identity in the covariance within movements, of `lda` (features with unit
            deviation) and `rda` (features with unit deviation within movements).

    Returns:
        A fitted scikit-learn pipeline or discriminant; both have `predict`.

    Raises:
        ConfigError: the classifier is unknown.
        DataError: fewer than two movements, in all rows or, for an SVM, in those that are not for validation.
    """
    check_classifier(classifier)
    if len(np.unique(labels)) < 2:
        raise DataError(f"a classifier needs 2 movements or more; the labels are {np.unique(labels).tolist()}")

    if classifier == "svm":
        c = DEFAULT_SVM_C
        if validation is not None and validation.any():
            c = _best_c(features, labels, validation)
        return _svm(c).fit(features, labels)

    if classifier in RIEMANNIAN:
        return fit_riemannian(classifier, features, labels)

    if classifier == "rda":
        return RegularisedDiscriminant(features, labels, ridge=ridge)

    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    analysis = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=ridge) if ridge else LinearDiscriminantAnalysis()
    return make_pipeline(StandardScaler(), analysis).fit(features, labels)
