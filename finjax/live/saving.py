"""Saves a calibrated decoder as a run."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from finjax.data.normalise import SignalNormaliser
from finjax.data.number_lists import format_numbers
from finjax.data.splits import NO_REPETITIONS, Split
from finjax.inference.model import DecoderModel
from finjax.training.saved_model import save_model


def save_decoder(
    model: DecoderModel,
    folder: Path,
    *,
    subject: int,
    repetitions: Sequence[int],
    statistics: tuple[np.ndarray, np.ndarray],
    source: str,
) -> None:
    """Writes a decoder, with a person's z-score, as a run of this person; no repetition is left for a test.

    Args:
        model: the decoder.
        folder: where to write.
        subject: number of the person.
        repetitions: those that the decoder was tuned to; none: only the z-score is the person's.
        statistics: mean and standard deviation `[C]` of the person's samples.
        source: where they come from, see `finjax.data.normalise`.
    """
    repetitions = tuple(sorted(set(repetitions)))
    split = Split(
        seen_subjects=(subject,),
        unseen_subjects=(),
        train_repetitions=repetitions,
        test_repetitions=(),
        seen_tune_repetitions=repetitions,
        unseen_tune_repetitions=repetitions,
    )
    trained_on = {str(known): list(numbers) for known, numbers in model.trained_on.items()}
    if own := sorted({*model.trained_on.get(subject, ()), *repetitions}):
        trained_on[str(subject)] = own
    signal = _with_row(model.signal, subject, *statistics)
    info = {
        "framing": dataclasses.asdict(model.framing),
        "rate_hz": model.rate_hz,
        "dataset": model.dataset,
        "unit": model.unit,
        "split": dataclasses.asdict(split),
        "trained_on": trained_on,
        "config": _config(model.config.record, subject, repetitions),
        "statistics_from": {str(known): one for known, one in {**model.statistics_from, subject: source}.items()},
        "kind": model.kind,
        "features": model.features,
        "channel_names": model.channel_names,
        "movement_names": model.movement_names,
        "subjects": (subject,),
    }
    normalisers = {"signal": vars(signal), "feature": vars(model.feature)}
    save_model(folder, params=model.params, stats=model.stats, normalisers=normalisers, info=info, step=model.step)


def _with_row(signal: SignalNormaliser, subject: int, mean: np.ndarray, std: np.ndarray) -> SignalNormaliser:
    """Returns z-scores with that of a person added or replaced."""
    others = np.flatnonzero(np.asarray(signal.subjects) != subject)
    return SignalNormaliser(
        subjects=np.append(np.asarray(signal.subjects)[others], subject).astype(np.int32),
        mean=np.concatenate([np.asarray(signal.mean)[others], mean[None]]).astype(np.float32),
        std=np.concatenate([np.asarray(signal.std)[others], std[None]]).astype(np.float32),
        limit=np.float32(signal.limit),
    )


def _config(record: Mapping[str, Any], subject: int, repetitions: Sequence[int]) -> dict[str, Any]:
    """Returns the configuration of a run for this person, with all repetitions that are known for tuning."""
    config = {**record, "subject": str(subject), "pooled": False}
    config["data"] = {
        **record["data"],
        "subjects": str(subject),
        "seen_subjects": str(subject),
        "unseen_subjects": "",
        "train_repetitions": format_numbers(repetitions),
        "seen_tune_repetitions": format_numbers(repetitions),
        "unseen_tune_repetitions": format_numbers(repetitions),
        "test_repetitions": NO_REPETITIONS,
    }
    return config
