"""Checks and reshapes the windows that estimators get, flattened or not."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from finjax.configs.rules import Rule, check

NO_TARGET = "no_validation"  # tells `validate_data` that there are no labels


class OnWindows(BaseEstimator):
    """Base class of estimators of windows; stores their shape as `channels_` and `length_`."""

    def _fit_windows(self, X: Any, y: Any = NO_TARGET, *, channels: int | None) -> tuple[np.ndarray, np.ndarray | None]:
        """Returns the windows to fit to as `[n, C, T]`, and their labels, checked.

        Raises:
            ValueError: the windows are not numbers, are too few, or do not have `channels` channels.
        """
        shape = _shape(X)
        if len(shape) == 3 and channels not in (None, shape[1]):
            raise ValueError(f"the windows have {shape[1]} channels, but channels={channels}")
        checked: Any = validate_data(self, _flattened(X), y, dtype=np.float32, ensure_min_samples=2)
        flat, labels = (checked, None) if y is NO_TARGET else checked
        self.channels_ = shape[1] if len(shape) == 3 else channels or 1
        if flat.shape[1] % self.channels_:
            raise ValueError(f"windows of {flat.shape[1]} samples do not divide into channels={self.channels_}")
        self.length_ = flat.shape[1] // self.channels_
        return self._unflattened(flat), labels

    def _windows(self, X: Any) -> np.ndarray:
        """Returns windows to predict from as `[n, C, T]`; raises `ValueError` if their shape is not that of `fit`."""
        check_is_fitted(self)
        shape = _shape(X)
        if len(shape) == 3 and shape[1:] != (self.channels_, self.length_):
            raise ValueError(
                f"the windows are {list(shape)}; the windows of fit were [n, {self.channels_}, {self.length_}]"
            )
        checked: Any = validate_data(self, _flattened(X), dtype=np.float32, reset=False)
        return self._unflattened(checked)

    def _unflattened(self, flat: np.ndarray) -> np.ndarray:
        return flat.reshape(len(flat), self.channels_, self.length_)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


def check_arguments(estimator: Any, rules: Mapping[str, Rule]) -> None:
    """Checks the arguments of an estimator, as `fit` does first.

    Args:
        estimator: the estimator.
        rules: what each argument may hold, by its name.

    Raises:
        ConfigError: an argument has a value that is not allowed; the message names both.
        ValueError: `random_state` is not a seed.
    """
    for name, rule in rules.items():
        check(rule, getattr(estimator, name), option=name)
    check_random_state(estimator.random_state)  # draws nothing


def _shape(X: Any) -> tuple[int, ...]:
    return np.shape(X) if isinstance(X, list | tuple) else getattr(X, "shape", ())


def _flattened(X: Any) -> Any:
    """Returns windows `[n, C, T]` as `[n, C × T]`, and anything else as it is."""
    return np.reshape(X, (len(X), -1)) if len(_shape(X)) == 3 else X
