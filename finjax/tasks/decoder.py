"""Training and evaluating decoders of movements: one for each subject, or one for several."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import optax

from finjax.configs.build import covariance_noise_of, read_out_of, read_out_ridge_of, stage_optimiser
from finjax.configs.settings import DecoderStage, RecognitionStage
from finjax.data.gather import FeatureData, WindowData
from finjax.data.number_lists import format_numbers, parse_numbers
from finjax.data.source import find_split, warn_of_copies
from finjax.data.splits import Split
from finjax.data.tuning_share import split_off_last, take_share
from finjax.data.windows import Windows, pad_to_grid
from finjax.devices import parallel
from finjax.errors import ConfigError, DataError
from finjax.evaluation import recognition
from finjax.inference.restored import load_decoder
from finjax.models.discriminant import fit_discriminant
from finjax.system import processes
from finjax.system.files import write_json
from finjax.tasks import compatibility
from finjax.tasks.alignment import align_with_person
from finjax.tasks.imitation import imitation_on_virtual_channels
from finjax.tasks.initial import InitialDecoder, decoder_of, initial_decoder, merge
from finjax.tasks.inputs import features_seen, inputs_of
from finjax.tasks.normalisation import stored_statistics
from finjax.tasks.task import Task
from finjax.training.alignment import shift_of, with_centre
from finjax.training.logs import describe_run
from finjax.training.loop import Problem
from finjax.training.losses import DecoderData, DecoderLoss, noise_factor
from finjax.training.predict import decoded_logits, decoder_features
from finjax.training.run_trainer import RunTrainer
from finjax.training.step import TrainState


def run_decoder(settings: DecoderStage, workdir: Path, *, mode: str) -> None:
    """Trains (unless `mode` is `"evaluate"`) and evaluates decoders for the subjects and horizons of the settings.

    Without test repetitions, the trained decoders are not evaluated.

    Each decoder has a folder in the working directory: `subject_1`, …, or `pooled` for one decoder of all subjects.
    With several horizons, these folders are in `prediction_0`, `prediction_3`, ….
    """
    horizons = settings.prediction
    subjects = chosen_subjects(settings, find_split(settings.data))
    if not settings.pooled:  # a pooled decoder reads all subjects together, and `load_store` warns
        warn_of_copies(settings.data, subjects)
    groups = {"pooled": subjects} if settings.pooled else {f"subject_{s}": (s,) for s in subjects}
    for horizon in horizons:
        folder = workdir if len(horizons) == 1 else workdir / f"prediction_{horizon}"
        scores = []
        for name, group in groups.items():
            task = Task.load(settings, horizon=horizon, subjects=group)
            if mode == "train":
                train(task, folder / name)
            if mode == "evaluate" or task.split.test_repetitions:
                scores += evaluate(task, folder / name)
        if scores:
            recognition.summarise_run(folder / "eval", scores, run=describe_run(settings.record))


def chosen_subjects(settings: RecognitionStage, split: Split) -> tuple[int, ...]:
    """Returns the subjects that `config.subject` names.

    Raises:
        ConfigError: a subject is not in the data, or none is named.
    """
    named = {"all": split.subjects, "seen": split.seen_subjects, "unseen": split.unseen_subjects}
    subjects = named[settings.subject] if settings.subject in named else parse_numbers(str(settings.subject))
    if missing := set(subjects) - set(split.subjects):
        raise ConfigError(
            f"--config.subject={settings.subject}: no data of subjects {format_numbers(missing)}; "
            f"there are {format_numbers(split.subjects)}"
        )
    if not subjects:
        raise ConfigError(
            f"--config.subject={settings.subject} names nobody: give a list such as 1,3-5, or all, seen, unseen"
        )
    return subjects


def train(task: Task[DecoderStage], workdir: Path) -> None:
    """Trains a decoder, or resumes the run in `workdir`; with 0 % of the data, saves it untrained."""
    settings = task.settings
    compatibility.refuse_another_run(workdir, task)
    share = tuning_windows(task)
    fitted, held_out = split_for_validation(task, share)
    start = align_with_person(task, initial_decoder(task, fitted, share=share), share)
    if (scores := imitation_on_virtual_channels(task, start, fitted)) and processes.is_first():
        write_json(workdir / "imitation.json", {"r2": scores, "windows": "to tune on", "fins": "before their tuning"})
    signal = start.statistics.signal
    inputs = inputs_of(task, start.features, start.feature, fitted, signal=signal)
    data = DecoderData(
        inputs=inputs,
        movement=pad_to_grid(fitted.movement.astype(np.int32)),
        jitter=_jitter(task, start, fitted),
    )
    problem = Problem(
        params=start.params,
        stats=start.stats,
        loss=DecoderLoss(decoder=start.decoder, label_smoothing=settings.train.label_smoothing),
        optimiser=stage_optimiser(settings),
        tile=parallel.share_size(settings.train.batch_size),  # BatchNorm needs all of a device's share of the batch
        data=data,
        examples=len(fitted),
        normalisers={"signal": vars(signal), "feature": vars(start.feature)},
        info=_describe(task, start),
        validate=_validator(task, start, held_out) if len(held_out) else None,
        complete=_closed_form_fitter(task, start, fitted, inputs),
    )
    RunTrainer(problem, settings.trainer, workdir=workdir, files=settings.run_files).run()


def evaluate(task: Task[DecoderStage], workdir: Path) -> list[dict]:
    """Restores the decoder in `workdir`, scores it on the test repetitions and writes `eval/`.

    Returns:
        The scores of each of its subjects, see `recognition.score_subjects`.
    """
    settings = task.settings
    model = load_decoder(workdir, step=settings.checkpoint.use)
    compatibility.refuse_another_model(model, task)
    compatibility.refuse_tested_on_training_data(model.trained_on, task.split)
    compatibility.refuse_copies(model.trained_on, task)
    windows = test_windows(task)
    statistics = stored_statistics(task, model)
    logits = decoded_logits(
        decoder_of(task, model.features),
        model.params,
        model.stats,
        parallel.replicate(inputs_of(task, model.features, model.feature, windows, signal=statistics.signal)),
        windows=len(windows),
        batch_size=settings.evaluate.batch_size,
    )
    return recognition.evaluate_run(
        workdir,
        recognition.Decisions(
            windows=windows,
            predicted=logits.argmax(axis=-1),
            store=task.store,
            statistics_from=statistics.sources,
        ),
        vote=settings.evaluate.vote,
        about={"stage": settings.stage, "checkpoint_step": model.step, "horizon_ms": model.horizon_ms},
    )


def tuning_windows(task: Task[RecognitionStage]) -> Windows:
    """Returns the share of the tuning windows that `percentage` asks for; none if it is 0.

    Raises:
        DataError: the subjects have no window in their tuning repetitions.
    """
    settings = task.settings
    windows = task.part(_part(settings))
    if settings.percentage == 0:
        return windows[:0]
    if not len(windows):
        raise DataError(
            f"nothing to tune on: subjects {format_numbers(task.store.subjects)} have no window in their tuning "
            f"repetitions ({task.split}): set --config.data.seen_tune_repetitions or "
            "--config.data.unseen_tune_repetitions"
        )
    return windows[take_share(windows, settings.percentage, how=settings.percentage_how, seed=settings.seed)]


def split_for_validation(task: Task[RecognitionStage], share: Windows) -> tuple[Windows, Windows]:
    """Returns the windows of a share to fit to, and the later ones to validate on."""
    fitted, held_out = split_off_last(share, task.settings.validation_share, length=task.framing.length)
    return share[fitted], share[held_out]


def test_windows(task: Task) -> Windows:
    """Returns the windows of the test repetitions; raises `DataError` if there are none."""
    windows = task.part("test")
    if not len(windows):
        raise DataError(
            f"subjects {format_numbers(task.split.subjects)} have no window in the test repetitions "
            f"{format_numbers(task.split.test_repetitions) or '(none)'}: set --config.data.test_repetitions"
        )
    return windows


def _part(settings: RecognitionStage) -> str:
    """Returns the part of the split that a decoder is fitted to."""
    return "pool" if isinstance(settings, DecoderStage) and settings.pooled else "tune"


def _describe(task: Task[DecoderStage], start: InitialDecoder) -> dict:
    """Returns the description of a decoder in its checkpoint, in JSON types."""
    settings, store = task.settings, task.store
    described = task.describe(part=_part(settings) if settings.percentage else None)
    own = {int(subject): repetitions for subject, repetitions in described["trained_on"].items()}
    return {
        **described,
        "trained_on": {str(subject): repetitions for subject, repetitions in merge(own, start.trained_on).items()},
        "statistics_from": start.statistics.in_json(),
        "kind": settings.stage,
        "features": start.features,
        "channel_names": store.channel_names,
        "movement_names": store.movement_names,
        "subjects": store.subjects,
    }


def _jitter(task: Task[DecoderStage], start: InitialDecoder, windows: Windows) -> np.ndarray | None:
    """Returns `noise_factor` for the noise that training adds to the features; None without noise.

    It is computed from the features that the CNN sees: with FINs, the features of the windows ahead.
    """
    if not start.features or not len(windows) or not (scale := covariance_noise_of(task.settings)):
        return None
    seen = features_seen(task, start.features, windows, start.statistics.signal, patterns=start.params.get("patterns"))
    values = start.feature.standardise(seen)
    return noise_factor(values.reshape(len(windows), -1), windows.movement, scale=scale)


def _closed_form_fitter(
    task: Task[DecoderStage], start: InitialDecoder, windows: Windows, inputs: FeatureData | WindowData
) -> Callable[[TrainState], TrainState]:
    """Returns a function that fits the read-out and the centre to the features that a trained state gives."""
    has_read_out, has_centre = bool(start.decoder.read_out_weight), "alignment" in start.params
    if not (has_read_out or has_centre) or not len(windows):
        return lambda state: state
    data = parallel.replicate(inputs)

    def fit(state: TrainState) -> TrainState:
        features = decoder_features(
            start.decoder, state.params, data, windows=len(windows), batch_size=task.settings.evaluate.batch_size
        ) + shift_of(state.params)
        params = with_centre(state.params, features) if has_centre else state.params
        if has_read_out:
            read_out = fit_discriminant(
                features,
                windows.movement,
                kind=read_out_of(task.settings),
                classes=len(task.store.movement_names),
                ridge=read_out_ridge_of(task.settings),
            )
            params = {**params, "read_out": read_out}
        return dataclasses.replace(state, params=params)

    return fit


def _validator(
    task: Task[DecoderStage], start: InitialDecoder, windows: Windows
) -> Callable[[TrainState], dict[str, float]]:
    """Returns a function that scores a state on the validation windows."""
    signal = start.statistics.signal
    data = parallel.replicate(inputs_of(task, start.features, start.feature, windows, signal=signal))

    def validate(state: TrainState) -> dict[str, float]:
        logits = decoded_logits(
            start.decoder,
            state.params,
            state.stats,
            data,
            windows=len(windows),
            batch_size=task.settings.evaluate.batch_size,
        )
        loss = optax.softmax_cross_entropy_with_integer_labels(logits, windows.movement.astype(np.int32))
        return {"loss": float(loss.mean()), "accuracy": float(np.mean(logits.argmax(axis=-1) == windows.movement))}

    return validate
