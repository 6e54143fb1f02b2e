"""The record of a fit, `fit.json`: what was fitted, how, and every figure; and the figure of the confusions."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from finjax.errors import ConfigError
from finjax.evaluation import figures
from finjax.evaluation.classification import score
from finjax.fit.people import Found
from finjax.fit.settings import FitSettings
from finjax.fit.start import Start
from finjax.system.files import expanded, without_nan, write_json
from finjax.training.logs import describe_run

FILE, FIGURE = "fit.json", "confusion.png"


def inputs_of(settings: FitSettings, start: Start, found: Found) -> dict[str, Any]:
    """Returns what decides the result of a fit, as JSON: all of it must be the same when a fit is resumed.

    Args:
        settings: what to fit.
        start: how, with complete configurations.
        found: what was recorded.
    """
    configs = [config.to_dict() for config in start.configs]
    for config in configs:
        config["data"] = {name: value for name, value in config["data"].items() if name not in ("dir", "cache_dir")}
    fields = {
        "dataset": found.name,
        "recording": expanded(settings.recording).absolute().as_posix() if settings.recording else "",
        "from": settings.start,
        **({"from_parameters": start.digest} if start.digest else {}),
        "seed": settings.seed,
        "rate_hz": found.rate_hz,
        "channels": found.channel_names,
        "movements": found.movement_names,
        "people": {str(person.subject): dataclasses.asdict(person) for person in found.people},
        "configs": configs,
    }
    return json.loads(json.dumps(without_nan(fields)))


class Record:
    """The figures of a fit, in memory until `finish` writes them.

    Args:
        folder: working directory of the fit.
        inputs: what decides its result, see `inputs_of`.
    """

    def __init__(self, folder: Path, inputs: Mapping[str, Any]):
        self._folder, self._inputs = folder, inputs
        self._folds: dict[int, dict[int, dict]] = {}
        self._decoders: dict[int, str] = {}

    @classmethod
    def opened(cls, folder: Path, inputs: Mapping[str, Any]) -> "Record":
        """Begins or resumes the record of a fit.

        Raises:
            ConfigError: the folder holds the fit of other recordings, or with other settings.
        """
        path = folder / FILE
        try:
            earlier = json.loads(path.read_text(encoding="utf-8"))["inputs"]
        except FileNotFoundError:
            earlier = None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigError(
                f"{path} cannot be read ({error}): choose another --workdir, or remove {folder}"
            ) from error
        if earlier is None:
            write_json(path, {"finished": False, "inputs": inputs})
        elif differing := [name for name, value in inputs.items() if earlier.get(name) != value]:
            what = "the recordings have changed" if differing == ["people"] else f"it had other {', '.join(differing)}"
            raise ConfigError(
                f"{folder} holds an earlier fit, and {what}: choose another folder, such as --workdir={folder}_2, or "
                "remove that folder"
            )
        return cls(folder, inputs)

    def add_fold(self, subject: int, repetition: int, scores: dict) -> None:
        """Adds the scores of a decoder that was tested on one repetition."""
        self._folds.setdefault(subject, {})[repetition] = scores

    def add_decoder(self, subject: int, folder: Path) -> None:
        """Adds a person's decoder."""
        self._decoders[subject] = folder.as_posix()

    def finish(self, found: Found) -> dict[str, Any]:
        """Writes `fit.json` and the figure; returns the content of `fit.json`."""
        people, total = [], np.zeros((len(found.movement_names),) * 2, np.int64)
        for person in found.people:
            folds = self._folds.get(person.subject, {})
            entry: dict[str, Any] = {
                "subject": person.subject,
                "decoder": self._decoders[person.subject],
                "tuned_on_repetitions": list(person.repetitions),
                "cross_validation": None,
            }
            if folds:
                confusion = np.sum([fold["confusion"] for fold in folds.values()], axis=0)
                total += confusion
                accuracies = [fold["accuracy"] for fold in folds.values()]
                entry["cross_validation"] = {
                    **score(confusion),
                    "mean_over_repetitions": float(np.mean(accuracies)),
                    "sd_over_repetitions": float(np.std(accuracies, ddof=1)),
                    "largest_share_of_a_movement": float(confusion.sum(axis=1).max() / confusion.sum()),
                    "confusion": confusion.tolist(),
                    "by_repetition": {
                        str(repetition): {name: fold[name] for name in ("accuracy", "windows", "confusion")}
                        for repetition, fold in folds.items()
                    },
                }
            people.append(entry)
        result = {
            "finished": True,
            "window_ms": found.window_ms,
            "step_ms": found.step_ms,
            "movements": list(found.movement_names),
            "people": people,
            "inputs": self._inputs,
            "run": describe_run(self._inputs["configs"][-1]),
        }
        write_json(self._folder / FILE, result)
        if total.any():
            figures.confusion(self._folder / FIGURE, total, found.movement_names)
        return without_nan(result)
