"""Figures look the same whatever the user has set up, and a figure that fails costs no number."""

import errno
import json
import os
import subprocess
import sys

import matplotlib
import numpy as np
import pytest
from conftest import ROOT
from matplotlib.figure import Figure

from finjax.evaluation import figures, recognition
from finjax.evaluation.drawing import drawn_if_possible

COUNTS = np.array([[9, 1], [2, 8]])
NAMES = ("rest", "cost $1 or $2, 100 % of R²")  # a formula to matplotlib, and to LaTeX what it does not take
SCORED = [
    {
        "subject": subject, "windows": 20, "segments": 4, "accuracy": 0.85, "balanced_accuracy": 0.85, "macro_f1": 0.85,
        "recall": [0.9, 0.8], "confusion": COUNTS.tolist(), "movements": NAMES, "statistics_from": "used",
    }
    for subject in (1, 2)
]  # fmt: skip
STYLES = {
    "LaTeX": {"text.usetex": True},
    "fonts": {"font.family": "no such font", "font.size": 30.0},
    "sizes": {"savefig.dpi": 20, "savefig.bbox": "tight", "savefig.format": "pdf", "figure.dpi": 300},
    "lines": {"axes.prop_cycle": matplotlib.cycler(color=["k"]), "axes.spines.top": False, "lines.linewidth": 9.0},
}


@pytest.mark.parametrize("style", STYLES)
def test_the_users_style_has_no_effect_and_is_kept(tmp_path, style):
    assert figures.confusion(tmp_path / "own.png", COUNTS, NAMES)
    with matplotlib.rc_context(STYLES[style]):
        before = {name: matplotlib.rcParams[name] for name in STYLES[style]}
        assert figures.confusion(tmp_path / "styled.png", COUNTS, NAMES)
        assert {name: matplotlib.rcParams[name] for name in STYLES[style]} == before
    assert (tmp_path / "own.png").read_bytes() == (tmp_path / "styled.png").read_bytes()


def test_numbers_are_written_when_a_figure_fails(tmp_path, monkeypatch, capsys, caplog):
    def fail(*args, **kwargs):
        raise RuntimeError("Failed to process string with tex")

    monkeypatch.setattr(Figure, "savefig", fail)
    (tmp_path / "accuracy.png").write_text("of an earlier evaluation")
    recognition.summarise_run(tmp_path, SCORED, run={})
    assert json.loads((tmp_path / "metrics.json").read_text())["windows"] == 40
    assert "85.0%" in capsys.readouterr().out
    assert "no figure" in caplog.text and "accuracy.png: RuntimeError: Failed to process string with tex" in caplog.text
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.json"]


def test_numbers_are_written_before_a_disk_is_full(tmp_path, monkeypatch, capsys):
    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(Figure, "savefig", full)
    with pytest.raises(OSError, match="full"):
        recognition.summarise_run(tmp_path, SCORED, run={})
    assert (tmp_path / "metrics.json").exists() and "85.0%" in capsys.readouterr().out


def test_a_drawing_function_returns_whether_it_succeeded(tmp_path):
    assert drawn_if_possible(lambda path: None)(tmp_path / "a.png") is True
    assert drawn_if_possible(lambda path: 1 / 0)(tmp_path / "a.png") is False


def test_the_backend_of_a_notebook_has_no_effect():
    backend = "module://matplotlib_inline.backend_inline"  # what IPython's kernels give to the processes they start
    script = "import os, finjax.evaluation.drawing; print(os.environ['MPLBACKEND'])"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, "MPLBACKEND": backend},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout.strip()) == (0, backend), done.stderr
