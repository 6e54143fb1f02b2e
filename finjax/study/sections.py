"""The first and the last section of a study's report: its data, and how it was run."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from ml_collections import ConfigDict

from finjax.data import filters, synthetic
from finjax.data.normalise import MEANINGS, OTHERS, USED
from finjax.data.number_lists import format_numbers
from finjax.data.splits import TEST_PARTS, Split
from finjax.study.dataset import dataset_of
from finjax.study.experiments import Experiment, FINRun
from finjax.study.pages import Block, Heading, Table, Text
from finjax.study.plan import Run
from finjax.study.record import FILE, read_study
from finjax.study.results import finished, read_result, read_seconds
from finjax.study.tables import ReadResult


def data_section(
    config: ConfigDict, split: Split, fins: Sequence[FINRun], experiments: Sequence[Experiment], read: ReadResult
) -> list[Block]:
    """Returns the section that describes the data, with the numbers of windows from the finished runs."""
    dataset = dataset_of(config.data)
    rows = [
        ["dataset", dataset.name],
        ["seen subjects", _counted(split.seen_subjects)],
        ["unseen subjects", _counted(split.unseen_subjects)],
        ["repetitions to train FINs", _counted(split.train_repetitions)],
        ["repetitions to tune to seen subjects", _counted(split.seen_tune_repetitions)],
        ["repetitions to tune to unseen subjects", _counted(split.unseen_tune_repetitions)],
        ["repetitions for testing", _counted(split.test_repetitions)],
        ["channels", f"{len(dataset.channel_names)}, {dataset.rate_hz:g} Hz"],
        ["movements", f"{len(dataset.movement_names)}: {', '.join(dataset.movement_names)}"],
        ["filter", filters.describe(dataset.filter)],
        ["z-scores for recognition", _statistics(config.statistics)],
        ["z-scores for FINs", _statistics(config.fin.statistics)],
        ["limit of the z-scored signal", f"{config.limit_sd:g}" if config.limit_sd else "none"],
        ["windows", f"{config.window}, every {config.step} for recognition, every {config.fin.step} for FINs"],
        ["test windows of recognition", _recognition_windows(experiments, read)],
        ["test windows of FINs", _fin_windows(fins, read)],
        ["seed", str(config.seed)],
    ]
    if dataset.name == synthetic.NAME:
        made = config.data.synthetic
        facts = f"{made.subjects} subjects, {made.movement_s:g} s of each movement, seed {made.seed}"
        rows.insert(1, ["synthetic", f"generated, not recorded: {facts}"])
    return [Heading("Data"), Table(["setting", "value"], rows, numeric=False)]


def how_section(workdir: Path, plan: Sequence[Run]) -> list[Block]:
    """Returns the section on how the study was run: command, date, versions, times."""
    study, done = read_study(workdir), [one.name for one in plan if finished(workdir, one.name)]
    seconds: dict[str, float] = {}
    facts: dict[str, set[str]] = {"versions": set(), "devices": set(), "revision": set()}
    for name in done:
        folder = name.split("/")[0]
        seconds[folder] = seconds.get(folder, 0.0) + read_seconds(workdir, name)
        result = read_result(workdir, name)
        assert result is not None, name  # `done` lists finished runs only
        run = result["run"]
        facts["versions"].add(", ".join(f"{package} {v}" for package, v in run["versions"].items()))
        facts["devices"].add(f"{run['device']['count']} × {run['device']['kind']}")
        facts["revision"].add(str(run["git_revision"]))
    rows = [
        ["command", shlex.join(study["command"])],
        ["started", study["date"]],
        ["runs finished", f"{len(done)} of {len(plan)}"],
        *([name, "; ".join(sorted(values))] for name, values in facts.items() if values),
        *([f"time of {part}/", f"{taken / 60:.1f} minutes"] for part, taken in seconds.items()),
    ]
    return [
        Heading("How it was run"),
        Text(f"{FILE} in the study's folder holds the whole configuration, eval/metrics.json that of each run."),
        Table(["setting", "value"], rows, numeric=False),
    ]


def _counted(numbers: Sequence[int]) -> str:
    return f"{format_numbers(numbers)} ({len(numbers)})" if numbers else "none"


def _statistics(choice: str) -> str:
    others = f"; for people without such windows: {MEANINGS[OTHERS]}" if choice == USED else ""
    return f"{choice}: {MEANINGS[choice]}{others}"


def _recognition_windows(experiments: Sequence[Experiment], read: ReadResult) -> str:
    """Returns how many windows and segments a method is tested on, by horizon."""
    counts: dict[float, dict[int, tuple[int, int]]] = {}
    for experiment in experiments:
        if experiment.part in ("within", "horizon") and (result := read(experiment.run)):
            counts.setdefault(experiment.horizon_ms, {})[experiment.subject] = (result["windows"], result["segments"])
    return "; ".join(
        f"{ms:g} ms ahead: {sum(w for w, _ in by_subject.values())} in {sum(s for _, s in by_subject.values())} "
        f"repetitions of movements by {len(by_subject)} subjects"
        for ms, by_subject in sorted(counts.items())
    ) or "none yet"  # fmt: skip


def _fin_windows(fins: Sequence[FINRun], read: ReadResult) -> str:
    """Returns how many of the test windows a FIN is tested on, by horizon."""
    counts = {}
    for fin in fins:
        if result := read(fin.run):
            parts = (
                f"{result[p]['windows']} of {result[p]['windows_available']} ({p})" for p in TEST_PARTS if p in result
            )
            counts[fin.horizon_ms] = ", ".join(parts)
    return "; ".join(f"{ms:g} ms ahead: {text}" for ms, text in sorted(counts.items())) or "none yet"
