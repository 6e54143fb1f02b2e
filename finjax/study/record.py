"""`study.json`: the settings of a study, so that one folder never holds results of different settings."""

import dataclasses
import fnmatch
import json
from pathlib import Path

from ml_collections import ConfigDict

from finjax.configs.templates import complete, flatten
from finjax.data.splits import Split
from finjax.errors import CheckpointError
from finjax.system.files import write_json
from finjax.training.logs import describe_run

FILE = "study.json"
# Fields that may change when a study is resumed: paths, what is shown, and which runs there are.
FREE = (
    "preset", "cpu_devices", "data.dir", "data.cache_dir",
    "within", "cross", "percentages", "horizon", "horizons", "length", "lengths", "fins", "baseline", "shown",
    "*.log.*", "*.checkpoint.every_steps", "*.evaluate.batch_size", "*.evaluate.every_steps",
)  # fmt: skip


def open_study(workdir: Path, config: ConfigDict, split: Split) -> None:
    """Writes `study.json`; if it exists, compares its settings with the configuration.

    Raises:
        CheckpointError: the folder holds a study with other settings or subjects.
    """
    described = {**describe_run(config.to_dict()), "split": dataclasses.asdict(split)}
    if (workdir / FILE).exists():
        recorded = read_study(workdir)
        if differing := differing_settings(recorded, described):
            raise CheckpointError(
                f"{workdir} holds a study with other settings ({'; '.join(differing)}). "
                "Give the same settings to resume it, choose another --workdir, or remove that folder"
            )
        described = {**recorded, "config": described["config"]}
    write_json(workdir / FILE, described)


def read_study(workdir: Path) -> dict:
    """Returns the content of `study.json`; raises `CheckpointError` if it cannot be read."""
    try:
        return json.loads((workdir / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"no study in {workdir}: {error}") from error


def split_of(study: dict) -> Split:
    """Returns the split recorded in `study.json`."""
    return Split(**{name: tuple(numbers) for name, numbers in study["split"].items()})


def differing_settings(recorded: dict, current: dict) -> list[str]:
    """Returns a text for each setting that differs between a recorded study and the current one."""
    current = json.loads(json.dumps(current))  # JSON makes lists of tuples
    completed = json.loads(json.dumps(complete(recorded["config"]).to_dict()))  # older versions had fewer fields
    old, new = flatten(completed), flatten(current["config"])
    both = recorded["config"]["methods"].keys() & current["config"]["methods"].keys()
    names = [
        name
        for name in sorted(old | new)
        if not any(fnmatch.fnmatchcase(name, pattern) for pattern in FREE)
        and (not name.startswith("methods.") or name.split(".")[1] in both)
    ]
    old, new = old | flatten(recorded["split"], "split."), new | flatten(current["split"], "split.")
    names += [name for name in new if name.startswith("split.")]
    return [
        f"{name}: recorded {old.get(name)!r}, now {new.get(name)!r}" for name in names if old.get(name) != new.get(name)
    ]
