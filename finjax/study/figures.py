"""The figures of a study, as PNG files. Each drawing function returns whether it wrote its figure."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from finjax.evaluation.drawing import Figure, drawn_if_possible, plain, save
from finjax.evaluation.figures import COLOURS, NAME_WIDTH, TITLES

LEGEND_WIDTH = 4.4  # inches, of a figure with "seen subjects" and "unseen subjects" side by side
ACCURACY = "accuracy on the test repetitions (%)"
# A method has the same colour in all figures.
PALETTE = (
    "#1f6f8b", "#d1603d", "#5a8f4e", "#8a5a9e", "#c99a2e", "#6b6b6b", "#3d9c9c", "#b0476d", "#7a6a3a", "#404e8c",
    "#111111", "#e39bb0", "#9bc53d", "#5bc0eb", "#8b3a1e", "#b8a9d9",
)  # fmt: skip


def colours_of(methods: Sequence[str]) -> dict[str, str]:
    """Returns a colour for each method."""
    return {method: PALETTE[i % len(PALETTE)] for i, method in enumerate(methods)}


@drawn_if_possible
def fin_bars(path: Path, table: pd.DataFrame) -> None:
    """Draws the R² of each FIN at 0 ms, for seen and unseen subjects."""
    rows = table[table.horizon_ms == 0]
    figure = Figure(figsize=(max(LEGEND_WIDTH, 2 + 1.1 * len(rows)), 3.6), layout="constrained")
    axes, place = figure.subplots(), np.arange(len(rows))
    for offset, part in ((-0.2, "seen"), (0.2, "unseen")):
        bars = axes.bar(place + offset, rows[f"r2_{part}"], 0.36, color=COLOURS[part], label=TITLES[part])
        axes.bar_label(bars, fmt="%.3f", fontsize=7)
    axes.set_xticks(place, [feature.upper() for feature in rows.feature])
    axes.set_ylabel("R² on the test repetitions")
    axes.set_ylim(top=1.08)
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    save(figure, path)


@drawn_if_possible
def accuracy_by_method(path: Path, table: pd.DataFrame, colours: dict[str, str]) -> None:
    """Draws the mean accuracy of each method with its interval, and a dot for each subject."""
    room = NAME_WIDTH * max(map(len, table.method))  # below and to the left of the axes
    figure = Figure(figsize=(2 + 0.8 * len(table) + room, 3.4 + room), layout="constrained")
    axes, subjects = figure.subplots(), [name for name in table if name.startswith("subject_")]
    for place, row in enumerate(table.to_dict("records")):
        axes.bar(place, 100 * row["mean"], 0.7, color=colours[row["method"]], alpha=0.55)
        values = 100 * np.array([row[subject] for subject in subjects], float)
        spread = np.linspace(-0.22, 0.22, len(subjects)) if len(subjects) > 1 else [0.0]
        axes.plot(place + np.array(spread), values, ".", color=colours[row["method"]], markersize=5)
        if np.isfinite(row["low"]):
            error = 100 * np.array([[row["mean"] - row["low"]], [row["high"] - row["mean"]]])
            axes.errorbar(place, 100 * row["mean"], error, color="black", capsize=3, linewidth=1)
    axes.set_xticks(range(len(table)), [plain(method) for method in table.method], rotation=35, ha="right")
    axes.set_ylabel(ACCURACY)
    axes.set_ylim(0, 100)
    save(figure, path)


@drawn_if_possible
def accuracy_curves(path: Path, table: pd.DataFrame, colours: dict[str, str], *, over: str, label: str) -> None:
    """Draws the mean accuracy of each method with its interval over `over`, a column of the table."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for method in dict.fromkeys(table.method):
        rows = table.loc[table.method == method].sort_values(over)
        axes.plot(rows[over], 100 * rows["mean"], marker="o", color=colours[method], label=plain(method))
        axes.fill_between(rows[over], 100 * rows.low, 100 * rows.high, color=colours[method], alpha=0.15, linewidth=0)
    axes.set_xlabel(label)
    axes.set_ylabel(ACCURACY)
    axes.grid(alpha=0.3)
    columns = 3 if max(map(len, table.method)) < 18 else 1
    figure.legend(loc="outside lower center", ncols=columns, frameon=False)
    save(figure, path)


@drawn_if_possible
def r2_curves(path: Path, table: pd.DataFrame) -> None:
    """Draws R² against horizon: a panel for each feature, a line for seen and one for unseen subjects."""
    features = list(dict.fromkeys(table.feature[table.horizon_ms > 0]))
    figure = Figure(figsize=(max(LEGEND_WIDTH, 2.6 * len(features) + 1), 3.4), layout="constrained")
    panels = figure.subplots(1, len(features), sharey=True, squeeze=False)[0]
    for axes, feature in zip(panels, features, strict=True):
        rows = table.loc[table.feature == feature].sort_values("horizon_ms")
        for part, colour in COLOURS.items():
            axes.plot(rows.horizon_ms, rows[f"r2_{part}"], marker="o", color=colour, label=TITLES[part])
        axes.set_title(feature.upper())
        axes.set_xlabel("horizon (ms)")
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("R² on the test repetitions")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
    save(figure, path)
