"""Learning curves of FINs, side by side, as recorded with `--config.evaluate.every_steps`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from finjax.configs.templates import complete
from finjax.errors import FinjaxError
from finjax.evaluation.drawing import Figure, in_default_style, save
from finjax.evaluation.figures import TITLES
from finjax.system.paths import refuse_url
from finjax.training.logs import read_metrics

STYLES = {"chrono": "-", "uniform": "--"}
INITIALISATIONS = {"chrono": "long-memory initialisation", "uniform": "uniform initialisation"}


def read_curve(workdir: Path, part: str) -> tuple[Mapping[str, Any], list[int], list[float]]:
    """Returns a run's configuration, the numbers of training windows, and the R² at each.

    Raises:
        FinjaxError: the folder holds no run, or the run recorded no R².
    """
    refuse_url(workdir)
    try:
        config = complete(json.loads((workdir / "config.json").read_text(encoding="utf-8"))["config"]).to_dict()
        lines = read_metrics(workdir)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FinjaxError(f"no finjax run in {workdir}: {error}") from error
    points = [(line["step"], line[f"{part}.r2"]) for line in lines if line.get(f"{part}.r2") is not None]
    if not points:
        raise FinjaxError(f"{workdir}: no R² of {TITLES[part]} recorded; train with --config.evaluate.every_steps=50")
    steps, r2 = zip(*points, strict=True)
    return config, [step * config["train"]["batch_size"] for step in steps], list(r2)


@in_default_style
def draw(path: Path, workdirs: list[Path], *, part: str) -> None:
    """Draws R² against training windows: a panel for each feature, a line for each run."""
    curves = [read_curve(workdir, part) for workdir in workdirs]
    targets = list(dict.fromkeys(config["target"] for config, _, _ in curves))
    figure = Figure(figsize=(3.2 * len(targets) + 0.6, 3.4), layout="constrained")
    panels = figure.subplots(1, len(targets), sharey=True, squeeze=False)[0]
    for config, windows, r2 in curves:
        init = config["model"]["init"]
        axes = panels[targets.index(config["target"])]
        axes.plot(windows, r2, STYLES[init], marker=".", color=f"C{list(STYLES).index(init)}", label=init)
    for axes, target in zip(panels, targets, strict=True):
        axes.set_title(target.upper())
        axes.set_xlabel("training windows")
        axes.set_ylim(-0.05, 1.02)
        axes.grid(alpha=0.3)
    panels[0].set_ylabel(f"R², {TITLES[part]}")
    lines = {str(line.get_label()): line for axes in panels for line in axes.get_lines()}
    labels = [INITIALISATIONS[name] for name in lines]
    figure.legend(list(lines.values()), labels, loc="outside lower center", ncols=2, frameon=False)
    save(figure, path)
