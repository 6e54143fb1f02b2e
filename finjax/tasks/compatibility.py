"""Whether a checkpoint is the one that a configuration asks for."""

from pathlib import Path

from ml_collections import ConfigDict

from finjax.data.windows import Framing
from finjax.errors import CheckpointError
from finjax.restored import FINModel, load

# Fields that may change between a run and its continuation: they do not touch what is learnt.
FREE_FIELDS = (
    "checkpoint",
    "cpu_devices",
    "data.cache_dir",
    "data.dir",
    "evaluate",
    "log",
    "prediction",
    "preset",
)


def refuse_another_model(model: FINModel, config: ConfigDict, framing: Framing, *, rate_hz: float) -> None:
    """Raises `CheckpointError` where a model does not do what the configuration asks for; names both sides."""
    asked = {
        "feature": (model.target, config.target),
        "window length, step and horizon in samples": (model.framing, framing),
        "sampling rate": (model.rate_hz, rate_hz),
    }
    for what, (has, wants) in asked.items():
        if has != wants:
            raise CheckpointError(f"the checkpoint's {what} is {has}, the configuration's {wants}")


def refuse_another_run(workdir: Path, config: ConfigDict, framing: Framing, *, rate_hz: float) -> None:
    """Raises `CheckpointError` where a working directory holds a run of another configuration."""
    try:
        model = load(workdir)
    except CheckpointError:
        return  # nothing to go on from
    refuse_another_model(model, config, framing, rate_hz=rate_hz)
    there, here = _flatten(model.config.to_dict()), _flatten(config.to_dict())
    differing = [
        f"{name}: {there.get(name)!r} there, {here.get(name)!r} here"
        for name in sorted(there | here)
        if there.get(name) != here.get(name) and not name.startswith(FREE_FIELDS)
    ]
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
