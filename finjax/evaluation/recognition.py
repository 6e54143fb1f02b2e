"""Evaluation of recognised movements: scores of each subject, their files, and the summary over subjects."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from finjax.data.windows import SignalStore, Windows
from finjax.evaluation import report
from finjax.evaluation.classification import (
    accuracy_since_onset,
    confusion_matrix,
    majority_vote,
    score,
)
from finjax.evaluation.statistics import summarise
from finjax.system import processes
from finjax.system.console import say
from finjax.system.files import whole_file, write_json
from finjax.training.logs import read_metrics

METRICS = ("accuracy", "balanced_accuracy", "macro_f1")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Decisions:
    """The decisions of a decoder on test windows.

    Attributes:
        windows: the n windows.
        predicted: `[n]` movements.
        store: the signals that the windows belong to.
        statistics_from: source of each subject's z-scores, see `finjax.data.normalise`.
    """

    windows: Windows
    predicted: np.ndarray
    store: SignalStore
    statistics_from: Mapping[int, str]


def score_subjects(decisions: Decisions, *, vote: int) -> list[dict]:
    """Scores each subject.

    Args:
        decisions: the decisions.
        vote: if above 1, score the majority vote of that many last decisions too.

    Returns:
        For each subject: its number, the source of its z-scores, segments, the scores of `classification.score`,
        the confusion matrix (rows: true), under `"since_onset"` the result of `classification.accuracy_since_onset`,
        and under `"vote"` the number of decisions and the same scores.
    """
    windows, store = decisions.windows, decisions.store
    classes = len(store.movement_names)
    scored = []
    for index, subject in enumerate(store.subjects):
        rows = windows.subject == index
        if not rows.any():
            continue
        true, predicted, segment = windows.movement[rows], decisions.predicted[rows], windows.segment[rows]
        confusion = confusion_matrix(true, predicted, classes=classes)
        source = decisions.statistics_from[subject]
        entry = {"subject": subject, "statistics_from": source, "segments": len(np.unique(segment)), **score(confusion)}
        entry["confusion"] = confusion.tolist()
        since_s = (windows.start[rows] - store.segments[segment, 0]) / store.rate_hz
        entry["since_onset"] = accuracy_since_onset(true == predicted, since_s)
        if vote > 1:
            voted = confusion_matrix(true, majority_vote(predicted, segment, last=vote), classes=classes)
            entry["vote"] = {"decisions": vote, **score(voted)}
        scored.append(entry)
    return scored


def evaluate_run(workdir: Path, decisions: Decisions, *, vote: int, about: dict) -> list[dict]:
    """Scores a decoder; the first process writes `metrics.json`, `decisions.npz` and its learning curve to `eval/`.

    Args:
        workdir: folder of the decoder's run.
        decisions: its decisions on the test windows.
        vote: see `score_subjects`.
        about: further content of `metrics.json`.

    Returns:
        The scores of its subjects.
    """
    folder, windows, store = workdir / "eval", decisions.windows, decisions.store
    scored = [{**entry, "movements": store.movement_names} for entry in score_subjects(decisions, vote=vote)]
    if not processes.is_first():
        return scored
    with whole_file(folder / "decisions.npz") as temporary, temporary.open("wb") as file:
        np.savez_compressed(
            file,
            subject=np.array(store.subjects)[windows.subject],
            repetition=windows.repetition,
            segment=windows.segment,
            movement=windows.movement,
            predicted=decisions.predicted.astype(np.int16),
        )
    # Written after the decisions: if this file exists, all numbers do. Figures may fail.
    write_json(folder / "metrics.json", {**about, "dataset": store.dataset, "subjects": scored})
    if lines := read_metrics(workdir):
        from finjax.evaluation import figures  # importing matplotlib takes half a second

        figures.learning_curve(folder / "learning_curve.png", lines)
    return scored


def summarise_run(folder: Path, scored: list[dict], *, run: dict) -> dict:
    """Summarises the subjects of a run; the first process writes `metrics.json`, figures, and prints a table.

    Args:
        folder: where to write.
        scored: the scores of its subjects.
        run: how the run was made, see `describe_run`.

    Returns:
        The content of `metrics.json`, without `run`.
    """
    from finjax.evaluation import figures  # importing matplotlib takes half a second

    movements = scored[0]["movements"]
    confusion = np.sum([entry["confusion"] for entry in scored], axis=0)
    summary = {metric: summarise([entry[metric] for entry in scored]) for metric in METRICS}
    if "vote" in scored[0]:
        summary["vote"] = {
            "decisions": scored[0]["vote"]["decisions"],
            **{metric: summarise([entry["vote"][metric] for entry in scored]) for metric in METRICS},
        }
    result = {
        "summary": summary,
        "windows": sum(entry["windows"] for entry in scored),
        "segments": sum(entry["segments"] for entry in scored),
        "recall": dict(zip(movements, score(confusion)["recall"], strict=True)),
        "confusion": confusion.tolist(),
        "movements": movements,
        "subjects": [{k: v for k, v in entry.items() if k != "movements"} for entry in scored],
    }
    if not processes.is_first():
        return result
    write_json(folder / "metrics.json", {**result, "run": run})
    say(report.recognition_table(result, folder))
    figures.confusion(folder / "confusion.png", confusion, movements)
    figures.accuracy_by_subject(folder / "accuracy.png", scored)
    return result
