"""Whether a checkpoint is the one that a configuration and its data ask for."""

from pathlib import Path

from ml_collections import ConfigDict

from finjax.checkpoints import has_checkpoint
from finjax.data.numbers import format_numbers
from finjax.data.splits import Split
from finjax.data.windows import Framing, SignalStore
from finjax.errors import CheckpointError
from finjax.restored import FINModel, load

# Fields that may change between a run and its continuation: they do not touch what is learnt.
FREE_FIELDS = ("checkpoint", "cpu_devices", "data.cache_dir", "data.dir", "evaluate", "log", "prediction", "preset")


def refuse_another_model(model: FINModel, config: ConfigDict, framing: Framing, *, store: SignalStore) -> None:
    """Raises `CheckpointError` where a model does not do what the configuration asks for; names both sides."""
    asked = {
        "feature": (model.target, config.target),
        "dataset": (model.dataset, store.dataset),
        "sampling rate": (model.rate_hz, store.rate_hz),
        "window length, step and horizon in samples": (model.framing, framing),
        "filter": (model.config.data.filter.to_dict(), config.data.filter.to_dict()),
    }
    for what, (has, wants) in asked.items():
        if has != wants:
            raise CheckpointError(
                f"the checkpoint's {what} is {has}, the configuration's {wants}: "
                "name the --workdir of another run, or set the configuration to this one's"
            )


def refuse_trained_as_tested(model: FINModel, split: Split) -> None:
    """Raises `CheckpointError` where the evaluation would pass off what the model was trained on as new to it."""
    trained = set(model.split.seen_subjects)
    repetitions = set(model.split.train_repetitions) & set(split.test_repetitions)
    if repetitions and trained & set(split.subjects):
        raise CheckpointError(
            f"the model was trained on repetitions {format_numbers(repetitions)} of subjects "
            f"{format_numbers(trained & set(split.subjects))}; they cannot be test repetitions"
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


def refuse_another_run(
    workdir: Path, config: ConfigDict, framing: Framing, *, store: SignalStore, split: Split
) -> None:
    """Raises `CheckpointError` where a working directory holds a run of another configuration or other data."""
    if not has_checkpoint(workdir):
        return  # nothing to go on from
    model = load(workdir)
    refuse_another_model(model, config, framing, store=store)
    there, here = _flatten(model.config.to_dict()), _flatten(config.to_dict())
    differing = [
        f"{name}: {there.get(name)!r} there, {here.get(name)!r} here"
        for name in sorted(there | here)
        if there.get(name) != here.get(name) and not name.startswith(FREE_FIELDS)
    ]
    if model.split != split:
        differing.append(f"the split: {model.split} there, {split} here")
    if differing:
        raise CheckpointError(
            f"{workdir} holds a run of another configuration ({'; '.join(differing)}). "
            "Choose another --workdir, or remove that folder"
        )


def _flatten(fields: dict, prefix: str = "") -> dict:
    flat = {}
    for name, value in fields.items():
        flat.update(_flatten(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value})
    return flat
