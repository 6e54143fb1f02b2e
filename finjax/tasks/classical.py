"""Fitting and evaluating the classical baselines: LDA and SVM on hand-made features."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from finjax.configs.feature_list import parse_feature_set
from finjax.configs.settings import ClassicalStage
from finjax.data.normalise import SignalNormaliser
from finjax.data.source import find_split, warn_of_copies
from finjax.data.windows import Windows
from finjax.evaluation import recognition
from finjax.models.classical import COVARIANCES, fit
from finjax.models.riemannian import RIEMANNIAN, block_diagonal
from finjax.tasks.decoder import chosen_subjects, split_for_validation, test_windows, tuning_windows
from finjax.tasks.normalisation import fit_statistics
from finjax.tasks.task import Task
from finjax.training.logs import describe_run


def run_classical(settings: ClassicalStage, workdir: Path, *, mode: str) -> None:
    """Fits a classifier to each subject's tuning windows, and scores it on the test repetitions.

    Fitting takes seconds, so only the results are saved, and `mode` makes no difference.
    """
    del mode
    subjects = chosen_subjects(settings, find_split(settings.data))
    warn_of_copies(settings.data, subjects)
    for horizon in settings.prediction:
        folder = workdir if len(settings.prediction) == 1 else workdir / f"prediction_{horizon}"
        scores = []
        for subject in subjects:
            task = Task.load(settings, horizon=horizon, subjects=(subject,))
            scores += _fit_and_score(task, folder / f"subject_{subject}")
        recognition.summarise_run(folder / "eval", scores, run=describe_run(settings.record))


def _fit_and_score(task: Task[ClassicalStage], workdir: Path) -> list[dict]:
    settings = task.settings
    features = parse_feature_set(settings.features, field="features")
    share = tuning_windows(task)
    fitted, held_out = split_for_validation(task, share)
    tested = test_windows(task)
    statistics = fit_statistics(task, share)
    parts = [_inputs(task, features, windows, statistics.signal) for windows in (fitted, held_out, tested)]
    classifier = fit(
        settings.classifier,
        np.concatenate(parts[:2]),
        np.concatenate([fitted.movement, held_out.movement]),
        validation=np.repeat([False, True], [len(fitted), len(held_out)]),
        ridge=settings.ridge,
    )
    return recognition.evaluate_run(
        workdir,
        recognition.Decisions(
            windows=tested,
            predicted=classifier.predict(parts[2]),
            store=task.store,
            statistics_from=statistics.sources,
        ),
        vote=settings.evaluate.vote,
        about={"stage": "classical", "classifier": settings.classifier, "features": features},
    )


def _inputs(
    task: Task[ClassicalStage], features: Sequence[str], windows: Windows, signal: SignalNormaliser
) -> np.ndarray:
    """Returns what the classifier takes: features of the windows, `[n, D]`, or covariance matrices, `[n, D, D]`."""
    if task.settings.classifier not in RIEMANNIAN:
        return task.table(features, windows, signal)
    orders = [COVARIANCES.index(name) for name in features]  # other features are refused before data is read
    return block_diagonal(task.covariances(orders, windows, signal))
