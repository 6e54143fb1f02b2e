"""What a decoder gets: the features of windows, or their samples."""

from collections.abc import Sequence

import numpy as np

from finjax.configs.settings import CNNStage, DecoderStage
from finjax.data.gather import FeatureData, WindowData
from finjax.data.normalise import FeatureNormaliser, SignalNormaliser
from finjax.data.windows import Windows, pad_to_grid
from finjax.devices import parallel
from finjax.tasks.task import Task
from finjax.training.predict import virtual_features


def inputs_of(
    task: Task, features: tuple[str, ...], feature: FeatureNormaliser, windows: Windows, *, signal: SignalNormaliser
) -> FeatureData | WindowData:
    """Returns the inputs of a decoder: the standardised features of windows, or their samples."""
    settings = task.settings
    if isinstance(settings, CNNStage) and not settings.patterns:
        return FeatureData(values=pad_to_grid(feature.standardise(task.features(features, windows, signal))))
    return WindowData.of(task.store, signal, windows)


def features_seen(
    task: Task[DecoderStage],
    features: Sequence[str],
    windows: Windows,
    signal: SignalNormaliser,
    *,
    patterns: np.ndarray | None = None,
) -> np.ndarray:
    """Returns the closed-form features that the CNN sees, `[n, C, F]`, or of virtual channels, `[n, V, F]`.

    With FINs, they are the features of the windows that are `prediction` steps ahead.

    Args:
        task: signals and settings.
        features: names of the features.
        windows: the windows.
        signal: the z-scores.
        patterns: weights of virtual channels `[V, C]`; None: there are none.
    """
    ahead = task.settings.stage == "fine_tune"
    if patterns is None:
        return task.features(features, windows, signal, ahead=ahead)
    seen = windows.later(task.framing.lead) if ahead else windows
    return virtual_features(
        features,
        patterns,
        parallel.replicate(WindowData.of(task.store, signal, seen)),
        windows=len(windows),
        length=task.framing.length,
        batch_size=task.settings.evaluate.batch_size,
    )
