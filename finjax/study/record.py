"""What a study's folder says of it, `study.json`, so that results of different settings do not mix."""

import dataclasses
import fnmatch
import json
from pathlib import Path

from ml_collections import ConfigDict

from finjax.configs.templates import complete
from finjax.data.splits import Split
from finjax.errors import CheckpointError
from finjax.system.files import write_json
from finjax.training.logs import describe_run

FILE = "study.json"
# What may change between a study and its continuation: where things are, what is shown, which runs there are.
FREE = (
    "preset", "cpu_devices", "data.dir", "data.cache_dir",
    "within", "cross", "percentages", "horizon", "horizons", "length", "lengths", "fins", "baseline", "shown",
    "*.log.*", "*.checkpoint.every_steps", "*.evaluate.batch_size", "*.evaluate.every_steps",
)  # fmt: skip


def open_study(workdir: Path, config: ConfigDict, split: Split) -> None:
    """Writes `study.json`, or compares it with the configuration that continues it.

    Raises:
        CheckpointError: the folder holds a study with other settings, or of other subjects.
    """
    described = {**describe_run(config), "split": dataclasses.asdict(split)}
    if (workdir / FILE).exists():
        there = read_study(workdir)
        if differing := _differing(there, described):
            raise CheckpointError(
                f"{workdir} holds a study with other settings ({'; '.join(differing)}). "
                "Set these as they are there to continue it, choose another --workdir, or remove that folder"
            )
        described = {**there, "config": described["config"]}
    write_json(workdir / FILE, described)


def read_study(workdir: Path) -> dict:
    """Returns what `study.json` holds; raises `CheckpointError` where there is none."""
    try:
        return json.loads((workdir / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"no study in {workdir}: {error}") from error


def split_of(study: dict) -> Split:
    """Returns the split that `study.json` holds."""
    return Split(**{name: tuple(numbers) for name, numbers in study["split"].items()})


def _differing(there: dict, here: dict) -> list[str]:
    """Returns what differs, in words."""
    here = json.loads(json.dumps(here))  # tuples are lists there
    completed = json.loads(json.dumps(complete(there["config"]).to_dict()))  # an older finjax knew fewer fields
    one, other = _flatten(completed), _flatten(here["config"])
    both = there["config"]["methods"].keys() & here["config"]["methods"].keys()
    names = [
        name
        for name in sorted(one | other)
        if not any(fnmatch.fnmatchcase(name, pattern) for pattern in FREE)
        and (not name.startswith("methods.") or name.split(".")[1] in both)
    ]
    one, other = one | _flatten(there["split"], "split."), other | _flatten(here["split"], "split.")
    names += [name for name in other if name.startswith("split.")]
    return [
        f"{name}: {one.get(name)!r} there, {other.get(name)!r} here"
        for name in names
        if one.get(name) != other.get(name)
    ]


def _flatten(fields: dict, prefix: str = "") -> dict:
    flat = {}
    for name, value in fields.items():
        flat.update(_flatten(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value})
    return flat
