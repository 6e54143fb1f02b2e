"""Refuses checkpoints that differ from what the configuration and its data ask for."""

import dataclasses
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from finjax.configs.build import align_of, patterns_of, read_out_of
from finjax.configs.settings import CNNStage, DecoderStage, FineTuneStage, FINStage, StageSettings
from finjax.configs.templates import flatten
from finjax.data.duplicates import refuse_known
from finjax.data.number_lists import format_numbers
from finjax.data.source import find_copies
from finjax.data.splits import Split
from finjax.data.windows import Framing
from finjax.errors import CheckpointError
from finjax.inference.model import ANY_DATASET, DecoderModel, FINModel, Model
from finjax.inference.restored import load
from finjax.tasks.task import Task
from finjax.training.checkpoints import has_checkpoint

# Fields that may change when a run is resumed: they do not change what the model learns.
FREE_FIELDS = (
    "checkpoint", "cpu_devices", "data.cache_dir", "data.dir", "data.subjects", "evaluate", "log", "prediction",
    "preset", "subject", "target",
)  # fmt: skip

# Fields of `cnn` and `model` that may differ between a network and the weights that are loaded into it.
FREE_NETWORK_FIELDS = ("align", "dropout", "read_out", "read_out_ridge", "read_out_weight", "init", "precision")


def refuse_another_model(model: Model, task: Task) -> None:
    """Raises `CheckpointError`, with both values, if a model differs from what the task asks for."""
    settings, store = task.settings, task.store
    compared = {"stage": (_stage(model), settings.stage)}
    if isinstance(model, FINModel):
        target = settings.target if isinstance(settings, FINStage) else "none"
        compared |= {"feature": (model.target, target)}
    compared |= _compare_signal(model, task) | {
        "framing": (_describe_framing(model.framing), _describe_framing(task.framing))
    }
    if isinstance(model, DecoderModel):
        compared |= {
            "channels": (model.channel_names, store.channel_names),
            "movements": (model.movement_names, store.movement_names),
            **_compare_patterns(model, settings),
            **_compare_network(model, settings, part="cnn"),
            **_compare_alignment(model, settings),
        }
        if isinstance(settings, FineTuneStage):
            compared |= _compare_network(model, settings, part="model")
        wanted = read_out_of(settings) if isinstance(settings, DecoderStage) else ""
        if wanted and "read_out" not in model.params:
            compared |= {"--config.cnn.read_out": (read_out_of(model.config) or "none", wanted)}
    _refuse_differences(compared, remedy="name the --workdir of another run, or set the configuration as in this run")


def refuse_unfit_fin(model: FINModel, feature: str, task: Task, *, path: str) -> None:
    """Raises `CheckpointError` if a FIN cannot imitate `feature` for a decoder's windows."""
    compared = {
        "feature": (model.target, feature),
        **_compare_signal(model, task),
        **_compare_window(model, task.framing),
        **_compare_network(model, task.settings, part="model"),
    }
    _refuse_differences(
        compared,
        checkpoint=f"FIN in {path}",
        remedy="name other FINs (--config.fine_tune.fins), or train a FIN with these settings",
    )


def refuse_unfit_start(model: DecoderModel, features: Iterable[str], task: Task, *, path: str) -> None:
    """Raises `CheckpointError` if a task's decoder cannot start from the weights of `model`."""
    store = task.store
    compared = {
        "number of movements": (len(model.movement_names), len(store.movement_names)),
        "movements": (model.movement_names, store.movement_names),
        "channels": (model.channel_names, store.channel_names),
        "features": (model.features, tuple(features)),
        **_compare_signal(model, task),
        **_compare_window(model, task.framing),
        **_compare_patterns(model, task.settings),
        **_compare_network(model, task.settings, part="cnn"),
        **_compare_alignment(model, task.settings),
    }
    if isinstance(task.settings, FineTuneStage) and isinstance(model.config, CNNStage):
        compared |= {"number of shadows": (model.config.cnn.shadows, task.settings.model.shadows)}
    if model.kind == "fine_tune" and getattr(task.settings.fine_tune, "fin_init", "") == "decoder":
        compared |= _compare_network(model, task.settings, part="model")
    _refuse_differences(
        compared,
        checkpoint=f"decoder in {path}",
        remedy="name another decoder (--config.fine_tune.cnn_init), or none to start from random weights",
    )


def _compare_signal(model: Model, task: Task) -> dict[str, tuple[Any, Any]]:
    settings, store = task.settings, task.store
    limit = {"--config.limit_sd": (model.config.limit_sd, settings.limit_sd)}
    if model.dataset == ANY_DATASET:
        return limit
    return {
        "dataset": (model.dataset, store.dataset),
        "sampling rate in Hz": (model.rate_hz, store.rate_hz),
        "filter": (model.config.data.filter, settings.data.filter),
        **limit,
    }


def _compare_network(model: Model, settings: StageSettings, *, part: str) -> dict[str, tuple[Any, Any]]:
    """Compares the sizes of a network; `part` of the settings is `"cnn"` or `"model"`."""
    trained, asked = (_fields(getattr(one, part, None)) for one in (model.config, settings))
    return {
        f"--config.{part}.{name}": (trained.get(name), value)
        for name, value in asked.items()
        if name not in FREE_NETWORK_FIELDS
    }


def _compare_patterns(model: DecoderModel, settings: StageSettings) -> dict[str, tuple[Any, Any]]:
    wanted = patterns_of(settings) if isinstance(settings, DecoderStage) else 0
    return {"--config.patterns": (patterns_of(model.config), wanted)}


def _compare_alignment(model: DecoderModel, settings: StageSettings) -> dict[str, tuple[Any, Any]]:
    """A decoder that was trained without alignment has no centre to align new people with."""
    wanted = align_of(settings) if isinstance(settings, DecoderStage) else ""
    if not wanted or "alignment" in model.params:
        return {}
    return {"--config.cnn.align": (align_of(model.config) or "none", wanted)}


def _compare_window(model: Model, framing: Framing) -> dict[str, tuple[Any, Any]]:
    """Compares window length and horizon, but not the step between windows: it may differ."""
    return {
        "window length": (f"{model.framing.length} samples", f"{framing.length} samples"),
        "horizon": (f"{model.framing.lead} samples", f"{framing.lead} samples"),
    }


def _describe_framing(framing: Framing) -> str:
    return f"length={framing.length}, step={framing.step} (samples), horizon={framing.horizon} (steps)"


def _refuse_differences(
    compared: Mapping[str, tuple[Any, Any]], *, checkpoint: str = "checkpoint", remedy: str
) -> None:
    """Raises `CheckpointError` for the first setting whose two values differ: the checkpoint's and the task's."""
    for setting, (has, wants) in compared.items():
        if has != wants:
            named = f"{setting}=" if setting.startswith("--") else f"the {setting} "
            raise CheckpointError(
                f"the {checkpoint} has {named}{has}, but the configuration asks for {wants}: {remedy}"
            )


def refuse_tested_on_training_data(trained_on: Mapping[int, Iterable[int]], split: Split) -> None:
    """Raises `CheckpointError` if a model was trained on test repetitions of the split."""
    for subject in split.subjects:
        if repetitions := set(trained_on.get(subject, ())) & set(split.test_repetitions):
            raise CheckpointError(
                f"the model was trained on repetitions {format_numbers(repetitions)} of subject {subject}; they cannot "
                "be test repetitions: set --config.data.test_repetitions to others, or use another model"
            )


def refuse_copies(trained_on: Mapping[int, Collection[int]], task: Task) -> None:
    """Raises `DataError` if a task tests a model on samples that it was trained on under another subject's name."""
    if others := set(trained_on).difference(task.store.subjects):
        groups = find_copies(task.settings.data, others.union(task.store.subjects))
        refuse_known(groups, trained_on=trained_on, split=task.split)


def refuse_other_seen_subjects(model: FINModel, split: Split) -> None:
    """Raises `CheckpointError` if a FIN was trained on an unseen subject of the split, or not on a seen one."""
    trained = set(model.trained_on)
    if not trained and split.seen_subjects:
        raise CheckpointError(
            f"the configuration calls subjects {format_numbers(split.seen_subjects)} seen, but the checkpoint does not "
            "say which subjects the FIN was trained on: import it again with --trained_on"
        )
    for claim, subjects in (
        ("unseen", trained & set(split.unseen_subjects)),
        ("seen", set(split.seen_subjects) - trained),
    ):
        if subjects:
            raise CheckpointError(
                f"the configuration calls subjects {format_numbers(subjects)} {claim}, but the model was trained on "
                f"subjects {format_numbers(trained)}: change --config.data.seen_subjects or "
                "--config.data.unseen_subjects"
            )


def refuse_known_subjects(trained_on: Mapping[int, Iterable[int]], subjects: Iterable[int]) -> None:
    """Raises `CheckpointError` if a zero-shot test includes people that a model was trained on."""
    if known := set(trained_on) & set(subjects):
        raise CheckpointError(
            f"--config.percentage=0 tests on people new to the model, but it was trained on subjects "
            f"{format_numbers(trained_on)}, among them {format_numbers(known)}: choose other subjects "
            "(--config.subject), or start from models of other people"
        )


def refuse_another_run(workdir: Path, task: Task) -> None:
    """Raises `CheckpointError` if a working directory holds a run of another configuration or other data."""
    if not has_checkpoint(workdir):
        return  # nothing to resume
    model = load(workdir)
    refuse_another_model(model, task)
    recorded, now = flatten(model.config.record), flatten(task.settings.record)
    differing = [
        f"{name}: recorded {recorded.get(name)!r}, now {now.get(name)!r}"
        for name in sorted(recorded | now)
        if recorded.get(name) != now.get(name) and not name.startswith(FREE_FIELDS)
    ]
    if model.split != task.split:
        differing.append(f"the split: recorded {model.split}, now {task.split}")
    if differing:
        raise CheckpointError(
            f"{workdir} holds a run of another configuration ({'; '.join(differing)}). "
            "Set the recorded values to resume it, choose another --workdir, or remove that folder"
        )


def _stage(model: Model) -> str:
    return model.kind if isinstance(model, DecoderModel) else "fin"


def _fields(part: Any) -> dict[str, Any]:
    return dataclasses.asdict(part) if part else {}
