"""Whether a checkpoint is the one that a configuration and its data ask for."""

import dataclasses
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from finjax.configs.build import read_out_of
from finjax.configs.settings import CNNStage, DecoderStage, FineTuneStage, FINStage, StageSettings
from finjax.configs.templates import flatten
from finjax.data.duplicates import refuse_known
from finjax.data.number_lists import format_numbers
from finjax.data.source import find_copies
from finjax.data.splits import Split
from finjax.data.windows import Framing
from finjax.errors import CheckpointError
from finjax.inference.model import DecoderModel, FINModel, Model
from finjax.inference.restored import load
from finjax.tasks.task import Task
from finjax.training.checkpoints import has_checkpoint

# Fields that may change between a run and its continuation: they do not touch what is learnt.
FREE_FIELDS = (
    "checkpoint", "cpu_devices", "data.cache_dir", "data.dir", "data.subjects", "evaluate", "log", "prediction",
    "preset", "subject", "target",
)  # fmt: skip

# Fields of `cnn` and `model` that may differ between a network and the weights that it is given.
NOT_OF_WEIGHTS = ("dropout", "read_out", "read_out_weight", "init", "precision")


def refuse_another_model(model: Model, task: Task) -> None:
    """Raises `CheckpointError` where a model does not do what the task asks for; names both sides."""
    settings, store = task.settings, task.store
    asked = {"stage": (_stage(model), settings.stage)}
    if isinstance(model, FINModel):
        target = settings.target if isinstance(settings, FINStage) else "none"
        asked |= {"feature": (model.target, target)}
    asked |= _of_signal(model, task) | {
        "window length, step and horizon in samples": (model.framing, task.framing),
    }
    if isinstance(model, DecoderModel):
        asked |= {
            "channels": (model.channel_names, store.channel_names),
            "movements": (model.movement_names, store.movement_names),
            **_of_network(model, settings, part="cnn"),
        }
        if isinstance(settings, FineTuneStage):
            asked |= _of_network(model, settings, part="model")
        wanted = read_out_of(settings) if isinstance(settings, DecoderStage) else ""
        if wanted and "read_out" not in model.params:
            asked |= {"--config.cnn.read_out": (read_out_of(model.config) or "none", wanted)}
    _refuse(asked, remedy="name the --workdir of another run, or set the configuration to this one's")


def refuse_unfit_fin(model: FINModel, feature: str, task: Task, *, path: str) -> None:
    """Raises `CheckpointError` where a FIN cannot imitate `feature` for a decoder's windows."""
    asked = {
        "feature": (model.target, feature),
        **_of_signal(model, task),
        **_of_window(model, task.framing),
        **_of_network(model, task.settings, part="model"),
    }
    _refuse(asked, of=f"FIN in {path}", remedy="name other FINs (--config.fine_tune.fins), or train this one so")


def refuse_unfit_start(model: DecoderModel, features: Iterable[str], task: Task, *, path: str) -> None:
    """Raises `CheckpointError` where a decoder is no start for another one."""
    store = task.store
    asked = {
        "number of movements": (len(model.movement_names), len(store.movement_names)),
        "movements": (model.movement_names, store.movement_names),
        "channels": (model.channel_names, store.channel_names),
        "features": (model.features, tuple(features)),
        **_of_signal(model, task),
        **_of_window(model, task.framing),
        **_of_network(model, task.settings, part="cnn"),
    }
    if isinstance(task.settings, FineTuneStage) and isinstance(model.config, CNNStage):
        asked |= {"shadows": (model.config.cnn.shadows, task.settings.model.shadows)}
    if model.kind == "fine_tune" and getattr(task.settings.fine_tune, "fin_init", "") == "decoder":
        asked |= _of_network(model, task.settings, part="model")
    _refuse(asked, of=f"decoder in {path}", remedy="start from another (--config.fine_tune.cnn_init), or from none")


def _of_signal(model: Model, task: Task) -> dict[str, tuple[Any, Any]]:
    settings, store = task.settings, task.store
    return {
        "dataset": (model.dataset, store.dataset),
        "sampling rate": (model.rate_hz, store.rate_hz),
        "filter": (model.config.data.filter, settings.data.filter),
        "limit_sd": (model.config.limit_sd, settings.limit_sd),
    }


def _of_network(model: Model, settings: StageSettings, *, part: str) -> dict[str, tuple[Any, Any]]:
    """Compares the sizes of a network, `part` of the settings: `"cnn"` or `"model"`."""
    theirs, ours = (_fields(getattr(one, part, None)) for one in (model.config, settings))
    return {
        f"--config.{part}.{name}": (theirs.get(name), value)
        for name, value in ours.items()
        if name not in NOT_OF_WEIGHTS
    }


def _of_window(model: Model, framing: Framing) -> dict[str, tuple[Any, Any]]:
    """Compares window and horizon, but not the step: from one window to the next it may differ."""
    return {
        "window length in samples": (model.framing.length, framing.length),
        "horizon in samples": (model.framing.lead, framing.lead),
    }


def _refuse(asked: Mapping[str, tuple[Any, Any]], *, of: str = "checkpoint", remedy: str) -> None:
    for what, (has, wants) in asked.items():
        if has != wants:
            raise CheckpointError(f"the {of}'s {what} is {has}, the configuration's {wants}: {remedy}")


def refuse_trained_as_tested(trained_on: Mapping[int, Iterable[int]], split: Split) -> None:
    """Raises `CheckpointError` where the evaluation would pass off what a model was trained on as new to it."""
    for subject in split.subjects:
        if repetitions := set(trained_on.get(subject, ())) & set(split.test_repetitions):
            raise CheckpointError(
                f"the model was trained on repetitions {format_numbers(repetitions)} of subjects "
                f"{subject}; they cannot be test repetitions"
            )


def refuse_copies(trained_on: Mapping[int, Collection[int]], task: Task) -> None:
    """Raises `DataError` where a task tests a model on samples that it was trained on under another subject's name."""
    if others := set(trained_on).difference(task.store.subjects):
        groups = find_copies(task.settings.data, others.union(task.store.subjects))
        refuse_known(groups, trained_on=trained_on, split=task.split)


def refuse_other_claims(model: FINModel, split: Split) -> None:
    """Raises `CheckpointError` where the split calls subjects seen or unseen that are not so to a FIN."""
    trained = set(model.trained_on)
    if not trained and split.seen_subjects:
        raise CheckpointError(
            f"the configuration calls subjects {format_numbers(split.seen_subjects)} seen, and the checkpoint does not "
            "say whom the FIN was trained on: import it again with --trained_on"
        )
    for claim, subjects in (
        ("unseen", trained & set(split.unseen_subjects)),
        ("seen", set(split.seen_subjects) - trained),
    ):
        if subjects:
            raise CheckpointError(
                f"the configuration calls subjects {format_numbers(subjects)} {claim}; "
                f"the model was trained on subjects {format_numbers(trained)}"
            )


def refuse_known_subjects(trained_on: Mapping[int, Iterable[int]], subjects: Iterable[int]) -> None:
    """Raises `CheckpointError` where a zero-shot test would be of people a model was trained on."""
    if known := set(trained_on) & set(subjects):
        raise CheckpointError(
            f"--config.percentage=0 tests on people new to the model, and it was trained on subjects "
            f"{format_numbers(trained_on)}, among them {format_numbers(known)}: choose other subjects "
            "(--config.subject), or start from models of other people"
        )


def refuse_another_run(workdir: Path, task: Task) -> None:
    """Raises `CheckpointError` where a working directory holds a run of another configuration or other data."""
    if not has_checkpoint(workdir):
        return  # nothing to resume
    model = load(workdir)
    refuse_another_model(model, task)
    there, here = flatten(model.config.record), flatten(task.settings.record)
    differing = [
        f"{name}: {there.get(name)!r} there, {here.get(name)!r} here"
        for name in sorted(there | here)
        if there.get(name) != here.get(name) and not name.startswith(FREE_FIELDS)
    ]
    if model.split != task.split:
        differing.append(f"the split: {model.split} there, {task.split} here")
    if differing:
        raise CheckpointError(
            f"{workdir} holds a run of another configuration ({'; '.join(differing)}). "
            "Set these as they are there to resume it, choose another --workdir, or remove that folder"
        )


def _stage(model: Model) -> str:
    return model.kind if isinstance(model, DecoderModel) else "fin"


def _fields(part: Any) -> dict[str, Any]:
    return dataclasses.asdict(part) if part else {}
