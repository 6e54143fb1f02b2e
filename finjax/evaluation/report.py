"""Tables of an evaluation, as text for the terminal."""

from pathlib import Path

from finjax.data.normalise import describe_statistics
from finjax.data.splits import TEST_PARTS


def fin_table(result: dict, folder: Path) -> str:
    """Returns the table of a FIN: a row for seen and one for unseen subjects."""
    lines = [
        "",
        f"{result['target'].upper()}, {result['horizon_ms']:g} ms ahead, {result['dataset']} data, "
        f"seed {result['seed']}, step {result['checkpoint_step']}; test repetitions only",
        f"{'subjects':<10}{'R²':>8}{'MAE':>12}{'MAPE':>10}   windows × channels",
    ]
    for part in TEST_PARTS:
        if part in result:
            scores = result[part]
            counted = f"{scores['windows']} of {scores['windows_available']} × {len(scores['per_channel'])}"
            lines.append(f"{part:<10}{_errors(scores)}   {counted}")
            if "mixtures" in scores:
                lines.append(f"{'  mixed':<10}{_errors(scores['mixtures'])}   random mixtures of the channels")
    shown = [result[part] for part in TEST_PARTS if part in result]
    sources = {subject: source for scores in shown for subject, source in scores["statistics_from"].items()}
    lines.append(f"z-scores from: {describe_statistics(sources)}")
    lines.append(f"per subject, per channel and figures: {folder}/")
    return "\n".join(lines)


def _errors(scores: dict) -> str:
    return f"{scores['r2']:>8.4f}{scores['mae']:>12.4g}{scores['mape']:>8.2f} %"


def horizon_table(summary: list[dict], target: str) -> str:
    """Returns the table of R² against horizon."""
    parts = [part for part in TEST_PARTS if any(part in row for row in summary)]
    lines = ["", f"R² of {target.upper()} against horizon", "  ms ahead" + "".join(f"{p:>10}" for p in parts)]
    for row in summary:
        lines.append(
            f"{row['horizon_ms']:>10g}"
            + "".join(f"{row[part]:>10.4f}" if part in row else f"{'-':>10}" for part in parts)
        )
    return "\n".join(lines)


def recognition_table(result: dict, folder: Path) -> str:
    """Returns the table of a decoder: a row for each subject, and their mean."""
    rows = [
        f"{entry['subject']:<10}{entry['accuracy']:>9.1%}{entry['balanced_accuracy']:>10.1%}{entry['macro_f1']:>10.1%}"
        f"{entry['windows']:>10}{entry['segments']:>10}"
        for entry in result["subjects"]
    ]
    mean = {metric: result["summary"][metric]["mean"] for metric in ("accuracy", "balanced_accuracy", "macro_f1")}
    accuracy = result["summary"]["accuracy"]
    lines = [
        "",
        f"{'subject':<10}{'accuracy':>9}{'balanced':>10}{'macro F1':>10}{'windows':>10}{'segments':>10}",
        *rows,
        f"{'mean':<10}{mean['accuracy']:>9.1%}{mean['balanced_accuracy']:>10.1%}{mean['macro_f1']:>10.1%}"
        f"{result['windows']:>10}{result['segments']:>10}",
    ]
    if accuracy["subjects"] > 1:
        lines.append(
            f"accuracy over {accuracy['subjects']} subjects: {accuracy['mean']:.1%} ± {accuracy['sd']:.1%} (SD), "
            f"95 % bootstrap interval {accuracy['low']:.1%} to {accuracy['high']:.1%}"
        )
    if "vote" in result["summary"]:
        vote = result["summary"]["vote"]
        lines.append(f"majority vote of the last {vote['decisions']} decisions: {vote['accuracy']['mean']:.1%}")
    sources = {entry["subject"]: entry["statistics_from"] for entry in result["subjects"]}
    lines.append(f"z-scores from: {describe_statistics(sources)}")
    lines.append(f"confusion matrix and figures: {folder}/")
    return "\n".join(lines)
