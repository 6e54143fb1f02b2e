"""Aligning a decoder of other people with the person of a task, before it is tuned."""

import dataclasses
import logging

import numpy as np

from finjax.configs.build import align_of
from finjax.configs.settings import DecoderStage
from finjax.data.normalise import UNLABELLED
from finjax.data.windows import Windows
from finjax.tasks.initial import InitialDecoder
from finjax.tasks.inputs import inputs_of
from finjax.tasks.task import Task
from finjax.training.alignment import WINDOWS_TO_TURN, PersonWindows, align

logger = logging.getLogger(__name__)


def align_with_person(task: Task[DecoderStage], start: InitialDecoder, share: Windows) -> InitialDecoder:
    """Returns the decoder, aligned with the subjects of the task if it is of other people alone.

    The windows are those that the z-score is fitted to: with `config.statistics="used"` those in `share`, none at 0 %;
    with `"unlabelled"` all outside the test repetitions, whose labels are not read.

    Args:
        task: the task; `config.cnn.align` says how to align.
        start: the decoder before its tuning.
        share: all windows that the decoder may be tuned to.
    """
    how, unlabelled = align_of(task.settings), task.settings.statistics == UNLABELLED
    windows = task.windows[~np.isin(task.windows.repetition, task.split.test_repetitions)] if unlabelled else share
    if not how or not start.of_others or not len(windows):
        return start

    def of_person(windows: Windows, *, labelled: bool) -> PersonWindows:
        inputs = inputs_of(task, start.features, start.feature, windows, signal=start.statistics.signal)
        return PersonWindows(inputs=inputs, count=len(windows), movement=windows.movement if labelled else None)

    to_turn = None
    if how == "turn":
        some = (share if len(share) else windows).spread(WINDOWS_TO_TURN)
        to_turn = of_person(some, labelled=len(share) > 0)
    params, places = align(
        start.decoder,
        start.params,
        start.stats,
        windows=of_person(windows, labelled=False),
        to_turn=to_turn,
        batch_size=task.settings.evaluate.batch_size,
    )
    if to_turn is not None:
        logger.info("the ring of electrodes sits turned by %d places, compared with the people trained on", places)
    return dataclasses.replace(start, params=params)
