"""Figures of an evaluation, as PNG. Each function returns whether it drew its figure."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from finjax.data.normalise import SignalNormaliser
from finjax.data.windows import Framing, SignalStore, Windows
from finjax.data.zscore import z_score
from finjax.evaluation.drawing import Figure, drawn_if_possible, plain, save

COLOURS = {"seen": "#1f6f8b", "unseen": "#d1603d"}
TITLES = {"seen": "seen subjects", "unseen": "unseen subjects"}
EXAMPLES = 6  # windows to draw
NAME_WIDTH = 0.05  # inches per character of a label beside the axes


@dataclasses.dataclass(frozen=True, kw_only=True)
class Predictions:
    """Feature values of some test windows: `true` and `predicted`, both `[n, C]`, and the n windows."""

    true: np.ndarray
    predicted: np.ndarray
    windows: Windows


@drawn_if_possible
def r2_distribution(path: Path, result: dict, *, label: str) -> None:
    """Draws the histogram of R² over subjects × channels."""
    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.subplots()
    values = {
        part: np.array([r2 for row in result[part]["r2_by_subject_and_channel"].values() for r2 in row.values()])
        for part in COLOURS
        if part in result
    }
    everything = np.concatenate(list(values.values()))
    everything = everything[np.isfinite(everything)]
    low = min(0.9, *everything) if len(everything) else 0.0
    bins = np.linspace(max(low, -1.0), 1.0, 26).tolist()
    for part, r2 in values.items():
        axes.hist(
            np.clip(r2[np.isfinite(r2)], bins[0], 1.0),
            bins,
            alpha=0.7,
            color=COLOURS[part],
            label=f"{TITLES[part]}: median {np.nanmedian(r2):.3f}",
        )
    axes.set_xlabel("R² of one channel of one subject" + (" (lower values at the edge)" if low < -1 else ""))
    axes.set_ylabel("channels")
    axes.set_title(f"{label}, {result['horizon_ms']:g} ms ahead, {result['dataset']} data")
    axes.legend(frameon=False)
    save(figure, path)


@drawn_if_possible
def scatter(path: Path, shown: dict[str, Predictions], *, label: str) -> None:
    """Draws predicted against true values, as the density of points."""
    figure = Figure(figsize=(4.6 * len(shown), 4.2), layout="constrained")
    for axes, (part, p) in zip(np.atleast_1d(figure.subplots(1, len(shown))), shown.items(), strict=True):
        true, predicted = p.true.ravel(), p.predicted.ravel()
        low, high = min(true.min(), predicted.min()), max(true.max(), predicted.max())
        counts = axes.hexbin(
            true, predicted, gridsize=60, bins="log", mincnt=1, cmap="viridis", extent=(low, high, low, high)
        )
        axes.plot([low, high], [low, high], color="black", linewidth=0.8, linestyle="--")
        axes.set_aspect("equal")
        axes.set_xlabel(f"{label}, closed form")
        axes.set_ylabel(f"{label}, FIN")
        axes.set_title(TITLES[part])
        figure.colorbar(counts, ax=axes, label="windows × channels", shrink=0.8)
    save(figure, path)


@drawn_if_possible
def examples(
    path: Path,
    shown: dict[str, Predictions],
    *,
    store: SignalStore,
    signal: SignalNormaliser,
    framing: Framing,
    label: str,
) -> None:
    """Draws a few test windows with the feature that follows them, true and predicted."""
    figure = Figure(figsize=(9, 5), layout="constrained")
    grid = figure.subplots(2, EXAMPLES // 2, sharex=True, squeeze=False)
    time_ms = 1000 * np.arange(framing.length) / store.rate_hz
    parts = list(shown)
    each = EXAMPLES // len(parts)
    for number, axes in enumerate(grid.ravel()):
        part = parts[number // each]
        p = shown[part]
        row = (2 * (number % each) + 1) * len(p.windows) // (2 * each)  # spread over the part
        # Draw the most active channel.
        channel = int(np.argmax(p.true[row]))
        start, subject = p.windows.start[row], p.windows.subject[row]
        x = store.samples[channel, start : start + framing.length]
        z = z_score(x, signal.mean[subject, channel], signal.std[subject, channel], signal.limit)
        axes.plot(time_ms, z, linewidth=0.6, color=COLOURS[part])
        movement = store.movement_names[p.windows.movement[row]][:24]
        axes.set_title(
            f"subject {store.subjects[subject]} ({part}), {plain(movement)}\n"
            f"{plain(store.channel_names[channel])}: true {p.true[row, channel]:.4g}, "
            f"FIN {p.predicted[row, channel]:.4g}",
            fontsize=8,
        )
    for axes in grid[-1]:
        axes.set_xlabel("time in the window (ms)")
    for axes in grid[:, 0]:
        axes.set_ylabel("z-scored signal")
    lead_ms = 1000 * framing.lead / store.rate_hz
    figure.suptitle(label + (f", {lead_ms:g} ms ahead" if lead_ms else ""))
    save(figure, path)


@drawn_if_possible
def horizons(path: Path, summary: list[dict], *, label: str) -> None:
    """Draws R² against the prediction horizon."""
    figure = Figure(figsize=(5, 3.6), layout="constrained")
    axes = figure.subplots()
    for part, colour in COLOURS.items():
        rows = [row for row in summary if part in row]
        if rows:
            axes.plot(
                [row["horizon_ms"] for row in rows],
                [row[part] for row in rows],
                marker="o",
                color=colour,
                label=TITLES[part],
            )
    axes.set_xlabel("prediction horizon (ms)")
    axes.set_ylabel("R² on the test repetitions")
    axes.set_title(label)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    save(figure, path)


@drawn_if_possible
def confusion(path: Path, counts: np.ndarray, movements: Sequence[str]) -> None:
    """Draws a confusion matrix `[K, K]` (rows: true), each row in per cent of its windows."""
    percent = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    size = 2.6 + 0.42 * len(movements) + NAME_WIDTH * max(map(len, movements))
    figure = Figure(figsize=(size + 0.6, size), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(percent, cmap="Blues", vmin=0, vmax=100)
    for (row, column), value in np.ndenumerate(percent):
        if value >= 0.5:
            axes.text(
                column, row, f"{value:.0f}", ha="center", va="center", fontsize=7, color="w" if value > 55 else "k"
            )
    names = [plain(name) for name in movements]
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right", fontsize=8)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set_xlabel("recognised")
    axes.set_ylabel("true")
    figure.colorbar(image, ax=axes, label="% of the movement's windows", shrink=0.7)
    save(figure, path)


@drawn_if_possible
def accuracy_by_subject(path: Path, scored: list[dict]) -> None:
    """Draws the accuracy of each subject, and their mean."""
    figure = Figure(figsize=(2.5 + 0.32 * len(scored), 3.4), layout="constrained")
    axes = figure.subplots()
    accuracy = [100 * entry["accuracy"] for entry in scored]
    mean = float(np.mean(accuracy))
    axes.bar([str(entry["subject"]) for entry in scored], accuracy, color=COLOURS["seen"])
    axes.axhline(mean, color="black", linewidth=0.8, linestyle="--", label=f"mean {mean:.1f} %")
    axes.set_xlabel("subject")
    axes.set_ylabel("accuracy on the test repetitions (%)")
    axes.set_ylim(0, 100)
    axes.legend(frameon=False, loc="lower right")
    save(figure, path)


@drawn_if_possible
def learning_curve(path: Path, lines: list[dict]) -> None:
    """Draws the losses of a training, and its validation accuracy if it has one.

    Args:
        path: where to write.
        lines: the entries of `metrics.jsonl`.
    """
    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.subplots()
    for name, label in (("loss", "training"), ("validation.loss", "validation")):
        points = [(line["step"], line[name]) for line in lines if line.get(name) is not None]
        if points:
            axes.plot(*zip(*points, strict=True), label=f"{label} loss", marker="." if name != "loss" else None)
    axes.set_xlabel("step")
    axes.set_ylabel("loss")
    axes.set_yscale("log")
    axes.grid(alpha=0.3)
    points = [(line["step"], 100 * line["validation.accuracy"]) for line in lines if "validation.accuracy" in line]
    if points:
        right = axes.twinx()
        right.plot(*zip(*points, strict=True), color="C2", marker=".", label="validation accuracy")
        right.set_ylabel("accuracy (%)")
        right.set_ylim(0, 100)
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    save(figure, path)
