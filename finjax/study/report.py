"""The report of a study: tables, figures and a page with all of them, from the results of the finished runs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from ml_collections import ConfigDict

from finjax.data import synthetic
from finjax.data.durations import to_samples
from finjax.data.normalise import MEANINGS, OTHERS, UNLABELLED, USED
from finjax.data.splits import Split
from finjax.evaluation.figures import confusion
from finjax.study import figures, tables
from finjax.study.dataset import dataset_of
from finjax.study.experiments import PARTS, Experiment, fin_runs_of, make_experiments, study_window_ms
from finjax.study.pages import Block, Heading, Image, Table, Text, to_html, to_markdown
from finjax.study.plan import make_plan
from finjax.study.results import finished, read_result
from finjax.study.sections import data_section, how_section
from finjax.system.files import whole_file, write_text

TITLES = {
    "within": "Recognition within subjects",
    "cross": "Recognition across subjects",
    "horizon": "Recognition ahead of time",
    "length": "Recognition by the length of the window",
}
OVER = {"within": (), "cross": ("percentage",), "horizon": ("horizon_ms",), "length": ("window_ms",)}
AXES = {"cross": "tuning windows used (%)", "horizon": "horizon (ms)", "length": "window (ms)"}


def write_report(workdir: Path, config: ConfigDict, split: Split) -> Path:
    """Writes `report/`: `tables/*.csv`, `figures/*.png`, `report.md` and `report.html`.

    All sections but the last depend on the results of the runs only.

    Returns:
        The path of `report.html`.
    """
    return _Report(workdir, config, split).write()


class _Report:
    def __init__(self, workdir: Path, config: ConfigDict, split: Split):
        self._workdir, self._config, self._split = workdir, config, split
        self._folder = workdir / "report"
        self._experiments = make_experiments(config, split)
        # The report does not show FINs of other window lengths.
        self._fins = [fin for fin in fin_runs_of(config, self._experiments) if not fin.window_ms]
        self._plan = make_plan(config, split, workdir)
        self._colours = figures.colours_of(list(config.methods))
        self._written: set[Path] = set()

    def write(self) -> Path:
        """Writes all files; returns the path of the page."""
        title = f"Hand movement recognition from sEMG: {self._config.data.name} data"
        if self._config.data.name == synthetic.NAME:
            title += " (not recorded from people)"
        blocks = [
            *data_section(self._config, self._split, self._fins, self._experiments, self._read),
            *self._not_run(),
            *self._fin_section(),
            *(block for part in PARTS for block in self._recognition_section(part)),
            *how_section(self._workdir, self._plan),
        ]
        write_text(self._folder / "report.md", to_markdown(title, blocks))
        page = self._folder / "report.html"
        write_text(page, to_html(title, blocks, self._folder))
        for old in {*self._folder.glob("tables/*.csv"), *self._folder.glob("figures/*.png")} - self._written:
            old.unlink(missing_ok=True)  # from an earlier report with more tables or figures
        return page

    def _read(self, run: str) -> dict | None:
        return read_result(self._workdir, run)

    def _not_run(self) -> list[Block]:
        """Lists the parts, methods and runs that the report has no results of."""
        lines = [Text(f"{TITLES[part]}: not part of this study.") for part in PARTS if not self._config[part]]
        used = {one.method for one in self._experiments}
        if unused := [name for name in self._config.methods if name not in used]:
            lines.append(Text(f"Methods not part of this study: {', '.join(unused)}."))
        missing = [one.name for one in self._plan if not finished(self._workdir, one.name)]
        if missing:
            lines.append(
                Text(
                    f"Not run yet: {len(missing)} of {len(self._plan)} runs: {', '.join(missing)}. "
                    "Rows with fewer subjects than others are not complete."
                )
            )
        return [Heading("Not run"), *lines] if lines else []

    def _fin_section(self) -> list[Block]:
        table = tables.fins(self._fins, self._read)
        if table.empty:
            return []
        self._write_csv("fins", table)
        columns = {"feature": "feature", "horizon_ms": "ms ahead", "r2_seen": "R², seen", "r2_unseen": "R², unseen"}
        columns |= {"windows_seen": "windows, seen", "windows_unseen": "windows, unseen"}
        columns |= {"statistics_seen": "z-score, seen", "statistics_unseen": "z-score, unseen"}
        blocks = [
            Heading("Features imitated by FINs"),
            Text("R² over all test windows × channels at once, for subjects whose other repetitions trained the FIN "
                 "(seen) and for subjects that it was not trained on (unseen)."),
            _shown(table, columns),
        ]  # fmt: skip
        if (table.horizon_ms == 0).any():
            drawn = figures.fin_bars(self._figure("fins"), table)
            blocks += _image("fins", "R² of the FINs at 0 ms.", drawn=drawn)
        if (table.horizon_ms > 0).any():
            drawn = figures.r2_curves(self._figure("fins_horizon"), table)
            blocks += _image("fins_horizon", "R² of the FINs against the horizon.", drawn=drawn)
        return blocks

    def _recognition_section(self, part: str) -> list[Block]:
        experiments, over = [one for one in self._experiments if one.part == part], OVER[part]
        baseline = self._config.baseline if part == "within" else ""
        table = tables.recognition(experiments, self._read, by=("method", *over), baseline=baseline)
        if table.empty:
            return []
        if part == "length":
            table = self._with_delay(table)
        self._write_csv(part, table)
        columns: dict[str, str] = {"method": "method", "percentage": "% of tuning windows", "horizon_ms": "ms ahead"}
        columns |= {"window_ms": "window (ms)", "delay_ms": "delay (ms)"}
        columns |= {"subjects": "subjects", "mean": "accuracy", "sd": "SD", "low": "95 % from", "high": "to"}
        columns |= {"balanced_accuracy": "balanced", "macro_f1": "macro F1", "difference": "difference", "p": "p"}
        columns |= {"windows": "windows", "segments": "segments", "statistics_from": "z-score from"}
        blocks = [Heading(TITLES[part]), Text(self._explained(part)), _shown(table, columns)]
        if part == "within":
            drawn = figures.accuracy_by_method(self._figure(part), table, self._colours)
            caption = "Accuracy of each method: mean, 95 % interval, and a dot for each subject."
            by_subject = {name: name.removeprefix("subject_") for name in table if name.startswith("subject_")}
            blocks += [Text("Accuracy (%) of each subject:"), _shown(table, {"method": "method", **by_subject})]
            if not (onset := tables.since_onset(experiments, self._read)).empty:
                self._write_csv("since_onset", onset)
                text = "Accuracy (%) by the time from the start of the segment to the start of the window:"
                blocks += [Text(text), _shown(onset, {name: name for name in onset})]
        else:
            label = AXES[part]
            drawn = figures.accuracy_curves(self._figure(part), table, self._colours, over=over[0], label=label)
            caption = f"Accuracy against {label}, mean and 95 % interval."
        blocks += _image(part, caption, drawn=drawn)
        return blocks + (self._confusion(experiments) if part == "within" else [])

    def _with_delay(self, table: pd.DataFrame) -> pd.DataFrame:
        """Fills in the study's window length, adds the delay, and sorts by window length."""
        lengths = table.window_ms.where(table.window_ms > 0, study_window_ms(self._config))
        table = table.assign(window_ms=lengths)
        rate_hz = dataset_of(self._config.data).rate_hz
        update_ms = 1000 * to_samples(self._config.step, rate_hz, option="--config.step") / rate_hz
        table.insert(2, "delay_ms", (lengths + update_ms) / 2)
        return table.sort_values("window_ms", kind="stable", ignore_index=True)

    def _explained(self, part: str) -> str:
        text = {
            "within": "One model for each subject, fitted to the subject's own tuning repetitions.",
            "cross": "Each network starts from one that is fitted to all seen subjects, and is tuned to a share of "
            f"the tuning windows of each unseen subject ({self._config.percentage_how}); at 0 % it is not tuned. "
            "Classical methods are fitted to that share only.",
            "horizon": "The models recognise the movement of the window that many milliseconds ahead.",
            "length": "One model for each subject and window length. The delay from a change of the signal to the "
            "decision is on average half a window and half an update interval (Farrell & Weir 2008), here "
            f"{self._config.step}; it does not include the time to compute.",
        }[part]
        if part == "cross":
            sources = (USED, OTHERS) if self._config.statistics == USED else (UNLABELLED,)
            text += " Sources of the z-scores: "
            text += "; ".join(f"{source}, {MEANINGS[source]}" for source in sources) + "."
        text += " Accuracy on the test repetitions in %, with standard deviation and 95 % bootstrap interval "
        text += "of the mean over subjects."
        if part == "within" and self._config.baseline:
            text += f" Difference: to {self._config.baseline}, in percentage points; p: of the paired Wilcoxon "
            text += "signed-rank test over subjects, not corrected for the number of methods."
        return text

    def _confusion(self, experiments: Sequence[Experiment]) -> list[Block]:
        shown = self._config.shown
        found = [self._read(one.run) for one in experiments if one.method == shown]
        if not (results := [result for result in found if result]):
            return []
        counts = np.sum([result["confusion"] for result in results], axis=0)
        drawn = confusion(self._figure("confusion"), counts, results[0]["movements"])
        caption = f"Movements as recognised by {shown}, {len(results)} subjects, in % of each movement's windows."
        return _image("confusion", caption, drawn=drawn)

    def _figure(self, name: str) -> Path:
        path = self._folder / "figures" / f"{name}.png"
        self._written.add(path)
        return path

    def _write_csv(self, name: str, table: pd.DataFrame) -> None:
        path = self._folder / "tables" / f"{name}.csv"
        self._written.add(path)
        with whole_file(path) as temporary:
            table.to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n")


PERCENT = ("mean", "sd", "low", "high", "balanced_accuracy", "macro_f1", "difference")


def _image(name: str, caption: str, *, drawn: bool) -> list[Block]:
    """Returns the block of a figure, or a text if the figure could not be drawn."""
    return [Image(f"figures/{name}.png", caption) if drawn else Text(f"This figure could not be drawn: {caption}")]


def _shown(table: pd.DataFrame, columns: dict[str, str]) -> Table:
    """Returns the table to print: the columns that the table has, renamed and rounded."""
    kept = [name for name in columns if name in table]
    rows = [[_text(name, value) for name, value in zip(kept, row, strict=True)] for row in table[kept].to_numpy()]
    return Table([columns[name] for name in kept], rows)


def _text(column: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None or not np.isfinite(value):
        return "–"
    if column in PERCENT or column.startswith("subject_") or column.endswith(" s"):
        return f"{100 * value:+.1f}" if column == "difference" else f"{100 * value:.1f}"
    return f"{value:.4f}" if column.startswith("r2_") else f"{value:.2g}" if column == "p" else f"{value:g}"
