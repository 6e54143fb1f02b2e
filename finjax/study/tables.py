"""The tables of a study, from the results of its finished runs."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pandas as pd

from finjax.data.normalise import UNLABELLED
from finjax.data.splits import TEST_PARTS
from finjax.evaluation.statistics import compare, summarise
from finjax.study.experiments import Experiment, FINRun

ReadResult = Callable[[str], dict | None]  # takes the name of a run; returns None if the run is not finished
SUMMARY = ("subjects", "mean", "sd", "low", "high")


def fins(runs: Sequence[FINRun], read: ReadResult) -> pd.DataFrame:
    """Returns a row for each FIN: R² and the number of test windows, for seen and for unseen subjects."""
    rows = []
    for fin in runs:
        if not (result := read(fin.run)):
            continue
        row: dict[str, Any] = {"feature": fin.feature, "horizon_ms": fin.horizon_ms}
        for part in TEST_PARTS:
            scores = result.get(part, {})
            row[f"r2_{part}"] = scores.get("r2")
            row[f"windows_{part}"] = scores.get("windows", 0)
            row[f"windows_available_{part}"] = scores.get("windows_available", 0)
            sources = scores.get("statistics_from", {0: UNLABELLED}).values() if scores else ()
            row[f"statistics_{part}"] = _joined(sources)
        rows.append(row)
    return pd.DataFrame(rows).astype({"r2_seen": float, "r2_unseen": float}) if rows else pd.DataFrame()


def recognition(
    experiments: Sequence[Experiment], read: ReadResult, *, by: Sequence[str], baseline: str = ""
) -> pd.DataFrame:
    """Returns a row for each method and condition, with the accuracy of each subject.

    Args:
        experiments: the experiments of one part of the study.
        read: returns the result of a run.
        by: the fields of `Experiment` to group by; each group is a row.
        baseline: a method to compare the others with, subject by subject.

    Returns:
        The fields of `by`; `subjects` (n), `mean`, `sd`, `low` and `high` of the accuracy over subjects, see
        `statistics.summarise`; `statistics_from`, the sources of the z-scores; mean `balanced_accuracy` and
        `macro_f1`; the sums of `windows` and `segments`; with a baseline `difference` and `p`, see
        `statistics.compare`; `subject_1`, … All scores are fractions, 0 to 1.
    """
    groups: dict[tuple, dict[int, dict]] = {}
    for experiment in experiments:
        if result := read(experiment.run):
            groups.setdefault(tuple(getattr(experiment, field) for field in by), {})[experiment.subject] = result
    accuracy = {key: {s: r["subjects"][0]["accuracy"] for s, r in group.items()} for key, group in groups.items()}
    baselines = {key[1:]: value for key, value in accuracy.items() if baseline and key[0] == baseline}
    rows = []
    for key, group in groups.items():
        scored = [result["subjects"][0] for result in group.values()]
        summary = summarise(list(accuracy[key].values()))
        row = {**dict(zip(by, key, strict=True)), **{name: summary[name] for name in SUMMARY}}
        row["statistics_from"] = _joined(entry.get("statistics_from", UNLABELLED) for entry in scored)
        for score in ("balanced_accuracy", "macro_f1"):
            row[score] = sum(entry[score] for entry in scored) / len(scored)
        for count in ("windows", "segments"):
            row[count] = sum(entry[count] for entry in scored)
        if baseline:
            row |= {"difference": float("nan"), "p": float("nan")}
            if key[0] != baseline and key[1:] in baselines:
                row |= _against(accuracy[key], baselines[key[1:]])
        rows.append(row | {f"subject_{subject}": value for subject, value in sorted(accuracy[key].items())})
    return pd.DataFrame(rows)


def since_onset(experiments: Sequence[Experiment], read: ReadResult) -> pd.DataFrame:
    """Returns a row for each method: the accuracy, a mean over subjects, by the time since the start of the segment.

    The columns are `method` and the intervals, such as `0.25–0.5 s`. Runs from before this score was kept give no row.
    """
    rows: dict[str, dict[str, list[float]]] = {}
    for experiment in experiments:
        result = read(experiment.run)
        for one in result["subjects"][0].get("since_onset", ()) if result else ():
            if one["accuracy"] is not None:
                named = f"{one['from_s']:g}–{one['to_s']:g} s" if one["to_s"] else f"from {one['from_s']:g} s"
                rows.setdefault(experiment.method, {}).setdefault(named, []).append(one["accuracy"])
    means = {method: {name: sum(values) / len(values) for name, values in row.items()} for method, row in rows.items()}
    return pd.DataFrame([{"method": method, **row} for method, row in means.items()])


def _joined(sources: Iterable[str]) -> str:
    """Returns the sources of z-scores, each once."""
    return ", ".join(sorted(set(sources)))


def _against(values: dict[int, float], baseline: dict[int, float]) -> dict:
    """Compares two methods on the subjects that both have."""
    if not (both := sorted(values.keys() & baseline.keys())):
        return {}
    compared = compare([values[s] for s in both], [baseline[s] for s in both])
    return {"difference": compared["difference"], "p": compared["p"]}
