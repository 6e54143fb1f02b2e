"""The evaluation as text, for the terminal."""

from pathlib import Path

from finjax.data.splits import TEST_PARTS


def fin_table(result: dict, folder: Path) -> str:
    """Returns the table that ends an evaluation: a row for seen and one for unseen subjects."""
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
            lines.append(f"{part:<10}{scores['r2']:>8.4f}{scores['mae']:>12.4g}{scores['mape']:>8.2f} %   {counted}")
    lines.append(f"per subject, per channel and figures: {folder}/")
    return "\n".join(lines)


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
