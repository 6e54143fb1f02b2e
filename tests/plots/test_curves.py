"""Learning curves from what runs wrote down."""

import json

import pytest

from finjax.errors import FinjaxError
from finjax.plots.__main__ import main
from finjax.plots.curves import read_curve


def make_run(folder, *, init, points):
    folder.mkdir()
    config = {"stage": "fin", "target": "ssi", "model": {"init": init}, "train": {"batch_size": 64}}
    (folder / "config.json").write_text(json.dumps({"config": config}))
    lines = [{"step": 5, "loss": 1.0}, *({"step": step, "unseen.r2": r2} for step, r2 in points)]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def test_curves_are_r2_against_windows_trained_on(tmp_path):
    run = make_run(tmp_path / "a", init="chrono", points=[(10, 0.5), (20, 0.9)])
    config, windows, r2 = read_curve(run, "unseen")
    assert (config["target"], windows, r2) == ("ssi", [640, 1280], [0.5, 0.9])
    with (run / "metrics.jsonl").open("a") as file:
        file.write('{"step": 30, "unseen.r2": null}\n{"step": 40, "unse')  # the run was killed while it wrote this
    assert read_curve(run, "unseen") == (config, windows, r2)
    other = make_run(tmp_path / "b", init="uniform", points=[(10, 0.1), (20, 0.2)])
    assert main(["curves", str(tmp_path / "curves.png"), str(run), str(other)]) == 0
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_a_run_without_curves_is_told_how_to_get_them(tmp_path, capsys):
    run = make_run(tmp_path / "a", init="chrono", points=[])
    with pytest.raises(FinjaxError, match=r"--config\.evaluate\.every_steps"):
        read_curve(run, "unseen")
    assert main(["curves", str(tmp_path / "curves.png"), str(tmp_path / "nowhere")]) == 1
    assert "no finjax run in" in capsys.readouterr().err
