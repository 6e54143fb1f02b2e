"""The report of a fit, as text for the terminal."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from finjax.evaluation.statistics import summarise

GOOD = 1.5  # times the share of the most frequent movement
GUESSING = "  This is little better than guessing: did the person follow the prompts? Are the electrodes good?"
NAME_WIDTH = 24  # characters of a movement's name in a table


def report(result: dict, workdir: Path) -> list[str]:
    """Returns the lines of the report.

    Args:
        result: the content of `fit.json`.
        workdir: folder of the fit.
    """
    scored = [person for person in result["people"] if person["cross_validation"]]
    lines = []
    for person in scored:
        lines += ["", *_accuracy(person, result)]
    if scored:
        confusion = np.sum([person["cross_validation"]["confusion"] for person in scored], axis=0)
        who = f", {len(scored)} people together" if len(scored) > 1 else ""
        lines += ["", f"decoded as, in % of each movement's windows (rows: true){who}"]
        lines += confusion_table(confusion, result["movements"])
    if len(scored) > 1:
        over = summarise([person["cross_validation"]["accuracy"] for person in scored])
        lines += ["", f"mean of {len(scored)} people: {over['mean']:.1%} ± {over['sd']:.1%} (SD)"]
    lines += ["", f"figures and every number: {workdir}/"]
    for person in result["people"]:
        repetitions = len(person["tuned_on_repetitions"])
        of_all = f"all {repetitions} repetitions" if repetitions > 1 else "the only repetition"
        lines.append(f"decoder of subject {person['subject']}, tuned to {of_all}: {person['decoder']}")
    first = result["people"][0]["decoder"]
    return [
        *lines,
        "",
        "decode live, from the source that you recorded:",
        f"  finjax live {first} --source=SOURCE --web",
    ]


def _accuracy(person: dict, result: dict) -> list[str]:
    scores = person["cross_validation"]
    folds = len(scores["by_repetition"])
    return [
        f"subject {person['subject']}: {scores['accuracy']:.1%} of {scores['windows']:,} windows of "
        f"{result['window_ms']:.4g} ms are decoded correctly ({scores['sd_over_repetitions']:.1%} SD over {folds} "
        "repetitions),",
        f"  each repetition by a decoder that was tuned to the other {len(person['tuned_on_repetitions']) - 1}. "
        f"Always the most frequent movement: {scores['largest_share_of_a_movement']:.1%}",
        *([GUESSING] if scores["accuracy"] < GOOD * scores["largest_share_of_a_movement"] else []),
    ]


def confusion_table(confusion: np.ndarray, movements: Sequence[str]) -> list[str]:
    """Returns the lines of a confusion matrix `[K, K]` in per cent of each row; 0 is shown as a dot."""
    percent = 100 * confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    names = [name if len(name) <= NAME_WIDTH else f"{name[: NAME_WIDTH - 1]}…" for name in movements]
    width = max(map(len, names))
    header = " " * (width + 5) + "".join(f"{number:>5}" for number in range(1, len(names) + 1))
    lines = [header]
    for number, (name, row) in enumerate(zip(names, percent, strict=True), start=1):
        cells = "".join(f"{value:>5.0f}" if value >= 0.5 else f"{'·':>5}" for value in row)
        lines.append(f"{number:>4} {name:<{width}}{cells}")
    return lines
