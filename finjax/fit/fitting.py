"""Fits decoders: leaves one repetition out after the other, then tunes a decoder to all repetitions."""

import contextlib
import copy
import dataclasses
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from finjax.configs.parsing import parse
from finjax.data import synthetic
from finjax.data.number_lists import format_numbers
from finjax.data.registry import get_dataset, get_spec, names_like, registered_names
from finjax.data.source import SPLIT_FIELDS
from finjax.data.splits import NO_REPETITIONS
from finjax.devices import parallel
from finjax.errors import ConfigError, DataError
from finjax.fit.people import Person, find_people, option
from finjax.fit.record import Record, inputs_of
from finjax.fit.settings import FitSettings
from finjax.fit.start import DEFAULT_PRESET, Start, preset_of, start_of
from finjax.run import run
from finjax.system.files import expanded, without_nan
from finjax.system.locks import locked
from finjax.system.paths import literal, refuse_url
from finjax.system.plugins import load_plugins

FOLDS = "cross_validation"
LOCK = "fit_lock.json"


def fit(settings: FitSettings, workdir: str | Path = "runs/fit", *, say: Callable[[str], None] = print) -> dict:
    """Fits a decoder to each person in a folder of recordings; the same call resumes a fit that was stopped.

    Each person's decoder is in `workdir/subject_1`, …; the cross-validation in `workdir/cross_validation`; all figures
    in `workdir/fit.json` and `workdir/confusion.png`.

    Args:
        settings: what to fit, and how.
        workdir: where to write.
        say: takes each line that reports the progress.

    Returns:
        The content of `fit.json`.

    Raises:
        FinjaxError: an error that the user can correct.
    """
    refuse_url(workdir, option="--workdir")
    refuse_url(settings.recording, option="RECORDING")
    load_plugins(settings.plugins, option=option)
    parallel.use_cpu_devices(0, batch_size=preset_of(DEFAULT_PRESET).train.batch_size)  # before `--from` is loaded
    folder = expanded(workdir)
    name = settings.name or _name_in(settings.recording)
    start = _prepared(
        start_of(settings.start, settings.preset, rate_hz=lambda: _rate_of(name, settings.recording)), settings, name
    )
    found = find_people(parse(start.configs[0]), settings.subjects)
    _limit_patterns(start, channels=len(found.channel_names))
    for line in found.lines(settings.recording):
        say(line)
    say(f"  {'training':<12} {start.text}")
    start.refuse_unfit(found, source=settings.start)
    if remark := start.remark_on_unit(found):
        say(f"  {'note':<12} {remark}")
    with locked(folder, LOCK):
        record = Record.opened(folder, inputs_of(settings, start, found))
        for person in found.people:
            _cross_validate(person, start, folder, record, say=say)
        for person in found.people:
            _train(_configs_of(start, person, tested=()), folder)
            record.add_decoder(person.subject, folder / f"subject_{person.subject}")
        return record.finish(found)


def _name_in(recording: str) -> str:
    """Returns the dataset whose files are in a folder."""
    if not recording:
        raise ConfigError("give the folder of the recordings: finjax fit FOLDER")
    folder = expanded(recording)
    if not folder.is_dir():
        raise DataError(f"no such folder: {folder}")
    names = names_like(folder)
    if len(names) == 1:
        return names[0]
    if names:
        raise ConfigError(f"{folder} may be of several datasets: choose --name={' or --name='.join(names)}")
    raise DataError(
        f"{folder} has no recordings of BIDS or XDF. For another dataset, give its folder and --name, one of "
        f"{', '.join(registered_names())}"
    )


def _rate_of(name: str, recording: str) -> float:
    return synthetic.RATE_HZ if name == synthetic.NAME else get_spec(name, recording, option=option).rate_hz


def _prepared(start: Start, settings: FitSettings, name: str) -> Start:
    """Returns the configurations with the data to fit to; the repetitions are chosen later."""
    if name != synthetic.NAME:
        get_dataset(name, option=option)
    configs = []
    for config in map(copy.deepcopy, start.configs):
        config.data.name, config.data.dir, config.data.cache_dir = name, settings.recording, settings.cache_dir
        for field in ("subjects", *SPLIT_FIELDS):
            config.data[field] = ""
        config.seed = settings.seed
        config.plugins = ",".join(filter(None, (config.plugins, settings.plugins)))
        config.log.tensorboard = False
        configs.append(config)
    return dataclasses.replace(start, configs=tuple(configs))


def _limit_patterns(start: Start, *, channels: int) -> None:
    """Leaves a movement at most as many patterns as there are channels; a decoder to start from keeps its own."""
    for config in start.configs:
        if "patterns" in config and start.decoder is None:
            config.patterns = min(config.patterns, channels)


def _configs_of(start: Start, person: Person, *, tested: Sequence[int]) -> list[ConfigDict]:
    """Returns the configurations of one person's decoder, which is tuned to all repetitions but the tested ones."""
    configs = []
    tuned = format_numbers(set(person.repetitions).difference(tested))
    for config in map(copy.deepcopy, start.configs):
        config.data.subjects = config.data.seen_subjects = config.subject = str(person.subject)
        for field in ("train_repetitions", "seen_tune_repetitions", "unseen_tune_repetitions"):
            config.data[field] = tuned  # all three: a dataset's own could be among the tested ones
        config.data.test_repetitions = format_numbers(tested) or NO_REPETITIONS
        configs.append(config)
    return configs


def _cross_validate(person: Person, start: Start, folder: Path, record: Record, *, say: Callable[[str], None]) -> None:
    """Tests each repetition that has all movements on a decoder that is tuned to all others."""
    who = f"subject {person.subject}"
    if len(person.tested) < 2:
        only = "one repetition only" if len(person.repetitions) == 1 else "fewer than two repetitions of all movements"
        say(f"{who}: {only}, so its accuracy cannot be measured. Record each movement at least twice")
        return
    folds, trained = len(person.tested), list[float]()
    for place, repetition in enumerate(person.tested, start=1):
        started = time.perf_counter()
        fold = folder / FOLDS / f"subject_{person.subject}" / f"repetition_{repetition}"
        configs = _configs_of(start, person, tested=(repetition,))
        if (scores := _scores_of(fold, configs[-1])) is None:
            _train(configs, fold)
            scores = _scores_of(fold, configs[-1])
            assert scores is not None  # the run has written them
            trained.append(time.perf_counter() - started)
        record.add_fold(person.subject, repetition, scores)
        left = (folds - place + 1) * min(trained, default=0.0)  # with the decoder of all repetitions
        say(
            f"{who}, repetition {repetition} ({place} of {folds}): {scores['accuracy']:.1%} of "
            f"{scores['windows']:,} windows" + (f"; {left / 60:.0f} minutes left" if left > 90 else "")
        )


def _train(configs: Sequence[ConfigDict], folder: Path) -> None:
    """Runs the trainings of one decoder; the last in the folder itself."""
    for before, config in zip([None, *configs], configs, strict=False):
        if before is not None:
            config.fine_tune.cnn_init = f"{literal(folder / before.stage)}/subject_{{subject}}"
        with contextlib.redirect_stdout(None):  # `fit` reports it
            run(config, workdir=folder if config is configs[-1] else folder / config.stage)


def _scores_of(fold: Path, config: ConfigDict) -> dict[str, Any] | None:
    """Returns the scores of a finished fold with this configuration, or None."""
    try:
        metrics = json.loads((fold / "eval" / "metrics.json").read_text(encoding="utf-8"))
        recorded, (scores,) = metrics["run"]["config"], metrics["subjects"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    asked = json.loads(json.dumps(without_nan(config.to_dict())))
    asked["fine_tune"]["cnn_init"] = recorded["fine_tune"]["cnn_init"]  # set when it was run
    return scores if recorded == asked else None
