"""The data of a task: signals, their split and their windows."""

import dataclasses
import functools
from collections.abc import Callable, Collection, Sequence
from typing import Generic, TypeVar

import jax
import numpy as np

from finjax.configs.settings import StageSettings
from finjax.data.normalise import SignalNormaliser
from finjax.data.sliding import covariance_values, feature_values
from finjax.data.source import framing_of, load_store
from finjax.data.splits import Split
from finjax.data.windows import Framing, SignalStore, Windows, index_windows, pad_to_grid
from finjax.errors import Naming, option_of
from finjax.features import Feature, SpatialFeature, find_feature, get_feature

StageT = TypeVar("StageT", bound=StageSettings)
SettingsT = TypeVar("SettingsT", bound=StageSettings, covariant=True)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Task(Generic[SettingsT]):
    """Signals, split and windows of one model to train or evaluate.

    Attributes:
        settings: settings of the stage.
        store: the signals.
        split: the split, for the signals' subjects only.
        framing: window length, step and horizon.
    """

    settings: SettingsT
    store: SignalStore
    split: Split
    framing: Framing

    @classmethod
    def load(
        cls: type["Task[StageT]"],
        settings: StageT,
        *,
        horizon: int,
        subjects: Collection[int] | None = None,
        option: Naming = option_of,
    ) -> "Task[StageT]":
        """Reads the recordings of some subjects, by default of all; `option` is as in `load_store`."""
        store, split = load_store(settings.data, subjects=subjects, option=option)
        framing = framing_of(window=settings.window, step=settings.step, rate_hz=store.rate_hz, horizon=horizon)
        return cls(settings=settings, store=store, split=split, framing=framing)

    @functools.cached_property
    def windows(self) -> Windows:
        """All windows whose predicted window lies in the same segment."""
        return index_windows(self.store.segments, self.framing)

    def subjects(self, windows: Windows) -> np.ndarray:
        """Returns the subject number of each window, `[n]`."""
        return np.array(self.store.subjects)[windows.subject]

    def part(self, name: str, *, most: int = 0) -> Windows:
        """Returns the windows of a part of the split, or `most` of them, evenly spaced (0: all)."""
        windows = self.windows
        chosen = np.flatnonzero(self.split.select(self.subjects(windows), windows.repetition, part=name))
        return windows[chosen].spread(most) if most else windows[chosen]

    def describe(self, *, part: str | None) -> dict:
        """Returns the part of a checkpoint's description, in JSON types, that all models share.

        Args:
            part: part of the split that the model is fitted to; None: it is not fitted.
        """
        fitted = {str(s): self.split.fitting_repetitions(s, part=part) for s in self.store.subjects} if part else {}
        return {
            "framing": dataclasses.asdict(self.framing),
            "rate_hz": self.store.rate_hz,
            "dataset": self.store.dataset,
            "unit": self.store.unit,
            "split": dataclasses.asdict(self.split),
            "trained_on": {subject: repetitions for subject, repetitions in fitted.items() if repetitions},
            "config": dict(self.settings.record),
        }

    def features(
        self, names: Sequence[str], windows: Windows, signal: SignalNormaliser, *, ahead: bool = False
    ) -> np.ndarray:
        """Returns closed-form features `[n, C, F]` of the windows; `ahead`: of the windows predicted from them."""
        framing = self.framing if ahead else dataclasses.replace(self.framing, horizon=0)
        features = [get_feature(name) for name in names]
        return feature_values(self.store, signal, windows, framing=framing, features=features)

    def covariances(self, orders: Sequence[int], windows: Windows, signal: SignalNormaliser) -> np.ndarray:
        """Returns the covariance matrices between channels, `[n, K, C, C]`, of K orders of the difference."""
        framing = dataclasses.replace(self.framing, horizon=0)
        return covariance_values(self.store, signal, windows, framing=framing, orders=orders)

    def table(self, names: Sequence[str], windows: Windows, signal: SignalNormaliser) -> np.ndarray:
        """Returns closed-form features of the windows as rows `[n, D]`, of one channel and between channels.

        The features of single channels come first, all those of a channel side by side; then each between channels.
        """
        features = [find_feature(name) for name in names]
        single = [feature.name for feature in features if isinstance(feature, Feature)]
        spatial = [feature for feature in features if isinstance(feature, SpatialFeature)]
        columns = []
        if single:
            width = len(self.store.channel_names) * len(single)
            columns.append(self.features(single, windows, signal).reshape(len(windows), width))
        if spatial:
            orders = sorted({feature.order for feature in spatial})
            covariances = self.covariances(orders, windows, signal)
            padded = pad_to_grid(covariances) if len(windows) else covariances  # few shapes, few compiled programs
            for feature in spatial:
                found = _compiled(feature)(padded[:, orders.index(feature.order)])
                columns.append(np.asarray(found)[: len(windows)])
        return np.concatenate(columns, axis=1)


@functools.lru_cache(maxsize=32)
def _compiled(feature: SpatialFeature) -> Callable[[np.ndarray], jax.Array]:
    return jax.jit(feature.of_covariance)
