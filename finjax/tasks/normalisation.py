"""The z-scores of the people of a task, from the samples that `config.statistics` names."""

import dataclasses
import logging
from collections.abc import Collection

import numpy as np

from finjax.data.normalise import (
    OTHERS,
    UNLABELLED,
    USED,
    SignalNormaliser,
    fit_signal_normaliser,
    fit_signal_normaliser_to_windows,
)
from finjax.data.number_lists import format_numbers
from finjax.data.windows import Windows
from finjax.errors import CheckpointError
from finjax.inference.model import Model
from finjax.tasks.task import Task

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Statistics:
    """The z-scores of a task's subjects.

    Attributes:
        signal: mean and deviation of each subject of the task's store, in its order.
        sources: source of each subject's z-score: `"used"`, `"unlabelled"` or `"others"`, see
            `finjax.data.normalise`.
    """

    signal: SignalNormaliser
    sources: dict[int, str]

    def in_json(self) -> dict[str, str]:
        """Returns the sources as a checkpoint holds them."""
        return {str(subject): source for subject, source in self.sources.items()}

    def of(self, subjects: Collection[int]) -> dict[int, str]:
        """Returns the sources of some of the subjects."""
        return {subject: source for subject, source in self.sources.items() if subject in subjects}


def fit_statistics(task: Task, share: Windows, *, start: Model | None = None) -> Statistics:
    """Fits the z-scores of a model before its training.

    With `config.statistics="used"`, a subject's mean and standard deviation come from the samples that its windows in
    `share` cover. A subject without windows in `share` gets, for each channel, the mean over other subjects' means and
    the mean over their standard deviations. These others are the subjects with windows in `share` (a FIN's seen
    people). If no subject has any (0 %), they are the people that `start` was trained on, with its stored z-scores.

    With `config.statistics="unlabelled"`, they come from all samples of the subject outside the test repetitions.

    Args:
        task: signals and split.
        share: all windows that the model may be fitted to, including the validation windows.
        start: the model whose weights it starts from.

    Raises:
        CheckpointError: `share` is empty, and `start` holds no z-score of other people that it was trained on.
        DataError: the unit of `start` cannot be converted; or with `"unlabelled"`, a subject has no repetition outside
            the test set.
    """
    subjects, limit_sd = task.store.subjects, task.settings.limit_sd
    if task.settings.statistics == UNLABELLED:
        tested = task.split.test_repetitions
        signal = fit_signal_normaliser(task.store, test_repetitions=tested, limit_sd=limit_sd)
        return Statistics(signal=signal, sources=dict.fromkeys(subjects, UNLABELLED))
    signal = fit_signal_normaliser_to_windows(task.store, share, framing=task.framing, limit_sd=limit_sd)
    with_windows = set(task.subjects(share).tolist())
    without_windows = [subject for subject in subjects if subject not in with_windows]
    if without_windows:
        if with_windows:
            mean, std = signal.mean_over(with_windows)
        else:
            mean, std = _mean_of_seen(start.in_unit(task.store.unit) if start else None, without_windows)
        rows = np.isin(signal.subjects, without_windows)
        signal = dataclasses.replace(
            signal, mean=np.where(rows[:, None], mean, signal.mean), std=np.where(rows[:, None], std, signal.std)
        )
    return Statistics(signal=signal, sources={s: USED if s in with_windows else OTHERS for s in subjects})


def stored_statistics(task: Task, model: Model) -> Statistics:
    """Returns the z-scores that a trained model holds, for the subjects of a task.

    A subject that the model does not know gets, with `config.statistics="used"`, the mean over the people that the
    model was trained on (see `fit_statistics`); with `"unlabelled"`, its z-score is fitted to its samples outside the
    test repetitions.

    Raises:
        CheckpointError: a subject is unknown, and the model holds no z-score of people it was trained on.
        DataError: the unit of the model cannot be converted; or with `"unlabelled"`, an unknown subject has no
            repetition outside the test set.
    """
    store, model = task.store, model.in_unit(task.store.unit)
    known = set(np.asarray(model.signal.subjects).tolist())
    if model.config.statistics != task.settings.statistics and known.intersection(store.subjects):
        logger.warning(
            "--config.statistics=%s, but the model was trained with --config.statistics=%s: it keeps its stored "
            "z-scores for the people that it knows",
            task.settings.statistics,
            model.config.statistics,
        )
    missing = [subject for subject in store.subjects if subject not in known]
    if missing and task.settings.statistics == UNLABELLED:
        own = fit_signal_normaliser(
            store, test_repetitions=task.split.test_repetitions, limit_sd=task.settings.limit_sd, subjects=missing
        )
    else:
        shape = len(store.subjects), len(store.samples)
        mean, std = _mean_of_seen(model, missing) if missing else (np.float32(0), np.float32(1))
        own = SignalNormaliser(
            subjects=np.array(store.subjects, np.int32),
            mean=np.broadcast_to(mean, shape),
            std=np.broadcast_to(std, shape),
            limit=model.signal.limit,
        )
    unknown = UNLABELLED if task.settings.statistics == UNLABELLED else OTHERS
    return Statistics(
        signal=own.with_rows_of(model.signal),
        sources={s: model.statistics_from[s] if s in known else unknown for s in store.subjects},
    )


def _mean_of_seen(model: Model | None, subjects: Collection[int]) -> tuple[np.ndarray, np.ndarray]:
    """Returns mean and std `[C]` over the people that a model was trained on, apart from `subjects`.

    Raises:
        CheckpointError: there is no model, or it holds none of these people's z-scores.
    """
    if model is None or (found := model.mean_of_seen(apart_from=subjects)) is None:
        raise CheckpointError(
            f"no z-score for subjects {format_numbers(subjects)}: the model holds no z-scores of other people that it "
            "was trained on. Set --config.statistics=unlabelled to fit it to the subjects' own samples outside the "
            "test repetitions"
        )
    return found
