"""A study as a user meets it: its report, a kill, its parts, its refusals."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from conftest import ROOT, run_main

from finjax.configs import classical, study
from finjax.errors import ConfigError, FinjaxError
from finjax.run import run
from finjax.study.pages import Image, Text
from finjax.study.report import _image
from finjax.training.checkpoints import has_checkpoint

pytestmark = pytest.mark.slow

TEST = f"--config={ROOT}/configs/study.py:test"


@pytest.fixture(scope="session")
def environment(tmp_path_factory) -> dict[str, str]:
    """Environment of processes that share what they compile: most of the time goes into that."""
    cache = tmp_path_factory.mktemp("compiled")
    return os.environ | {
        "JAX_COMPILATION_CACHE_DIR": str(cache),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }


@pytest.fixture(scope="session")
def whole_study(tmp_path_factory, environment) -> tuple[Path, str]:
    """Folder and log of a study that nothing interrupted."""
    workdir = tmp_path_factory.mktemp("study") / "whole"
    done = run_main(TEST, f"--workdir={workdir}", env=environment)
    assert done.stdout == ""  # the tables of the runs are in their folders
    return workdir, done.stderr


def body(workdir) -> str:
    """Returns the report without its last section, which tells when and how it was run."""
    return (workdir / "report/report.md").read_text().split("## How it was run")[0]


def copy_of(study, folder):
    return shutil.copytree(study[0], folder, ignore=shutil.ignore_patterns("checkpoints"))


def test_a_study_writes_its_report(whole_study):
    workdir, log = whole_study
    assert re.search(r"\[4/20\] within/lda_logstd/subject_2\n", log)
    assert len(re.findall(r"\[\d+/20\]", log)) == 20
    assert {path.name for path in (workdir / "report/tables").iterdir()} == {
        "fins.csv", "within.csv", "since_onset.csv", "cross.csv", "horizon.csv", "length.csv",
    }  # fmt: skip
    page = (workdir / "report/report.html").read_text()
    assert page.count("data:image/png;base64,") == len(list((workdir / "report/figures").iterdir())) == 7
    assert not re.search(r'(src|href)="(?!data:)', page)  # nothing from elsewhere
    assert "synthetic" in re.search(r"<title>(.*)</title>", page)[1]
    assert "main.py --config=" in page


def test_the_tables_hold_the_results_of_the_runs(whole_study):
    workdir, _ = whole_study
    accuracy = {
        subject: json.loads((workdir / f"within/cnn/subject_{subject}/eval/metrics.json").read_text())["subjects"][0][
            "accuracy"
        ]
        for subject in (1, 2)
    }
    within = pd.read_csv(workdir / "report/tables/within.csv").set_index("method")
    row = within.loc["cnn"]
    assert (row.subject_1, row.subject_2) == pytest.approx((accuracy[1], accuracy[2]), abs=1e-5)
    assert row["mean"] == pytest.approx(sum(accuracy.values()) / 2, abs=1e-5)
    assert row.difference == pytest.approx(row["mean"] - within["mean"]["lda_logstd"], abs=2e-5)
    # 17 movements × 2 repetitions × 2 subjects; windows of 300 ms every 50 ms in 2 s: 35 each.
    assert (row.segments, row.windows) == (68, 68 * 35)
    ahead = pd.read_csv(workdir / "report/tables/horizon.csv").set_index(["method", "horizon_ms"])
    assert ahead.loc["fin_cnn", 0]["mean"] == within.loc["fin_cnn"]["mean"]
    assert ahead.loc["fin_cnn", 50].windows == 68 * 34
    lengths = pd.read_csv(workdir / "report/tables/length.csv").set_index("window_ms")
    assert lengths.index.tolist() == [150, 300] and lengths.delay_ms.tolist() == [100, 175]
    assert lengths.loc[300]["mean"] == within.loc["lda_logstd"]["mean"]
    assert lengths.loc[150].windows == 68 * 38
    cross = pd.read_csv(workdir / "report/tables/cross.csv")
    assert list(zip(cross.method, cross.percentage, strict=True)) == [
        ("lda_logstd", 100), ("fin_cnn", 0), ("fin_cnn", 100),
    ]  # fmt: skip
    assert cross.statistics_from.tolist() == ["used", "others", "used"]
    report = (workdir / "report/report.md").read_text()
    assert "| z-scores for recognition | used: the samples of the windows used; for people without" in report
    fins = pd.read_csv(workdir / "report/tables/fins.csv")
    assert fins.horizon_ms.tolist() == [0, 50] and fins.windows_unseen.tolist() == [50, 50]


def stopped(workdir, signum, *, at: str, environment) -> tuple[int, str]:
    """Starts a study and stops it when there is something at a place; returns exit status and log."""
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "main.py"), TEST, f"--workdir={workdir}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    deadline = time.monotonic() + 900
    while not (workdir / at).exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(process.pid, signum)
    _, log = process.communicate(timeout=900)
    return process.returncode, log


def test_a_stopped_and_killed_study_ends_like_an_undisturbed_one(whole_study, tmp_path, environment):
    killed = tmp_path / "killed"
    status, log = stopped(killed, signal.SIGTERM, at="fin/rms/0_ms/config.json", environment=environment)
    assert status == 75 and "stopped by SIGTERM. Run the same command again to resume" in log
    assert has_checkpoint(killed / "fin/rms/0_ms") and not list(killed.rglob("lock*.json"))
    assert not (killed / "fin/rms/0_ms/eval").exists()
    begun = "within/fin_cnn/subject_1/subject_1/checkpoints"
    status, log = stopped(killed, signal.SIGKILL, at=begun, environment=environment)
    assert status == -signal.SIGKILL and "runs are finished" not in log
    assert "resuming at step" in (killed / "fin/rms/0_ms/output.txt").read_text()
    assert not (killed / "report").exists()

    for part in ("cross", "horizon", "length"):  # runs that no signal met: those of the whole study
        shutil.copytree(whole_study[0] / part, killed / part, dirs_exist_ok=True)
    done = run_main(TEST, f"--workdir={killed}", env=environment)
    assert "17 of 20 runs are finished" in done.stderr
    assert "[6/20]" not in done.stderr and "[7/20] within/fin_cnn/subject_1" in done.stderr
    for path in (whole_study[0] / "report/tables").iterdir():
        assert (killed / "report/tables" / path.name).read_text() == path.read_text(), path.name
    assert body(killed) == body(whole_study[0])


def test_the_report_names_what_was_not_run(whole_study, tmp_path):
    workdir = copy_of(whole_study, tmp_path / "study")
    shutil.rmtree(workdir / "cross/fin_cnn/0_percent")
    (workdir / "fin/rms/50_ms/eval/metrics.json").unlink()
    run_main(TEST, f"--workdir={workdir}", "--mode=evaluate", "--config.horizon=")
    said = body(workdir)
    assert "Recognition ahead of time: not part of this study" in said
    assert not (workdir / "report/tables/horizon.csv").exists()  # of the report before
    assert "Not run yet: 1 of 13 runs: cross/fin_cnn/0_percent/subject_2." in said
    assert "Methods not part of this study:" in said and "raw_cnn" in said
    assert "| fin_cnn | 100 |" in said and "| fin_cnn | 0 |" not in said


def test_a_part_of_a_study_leaves_the_runs_of_the_other_parts(tmp_path):
    quick = [
        TEST,
        "--config.within=lda_logstd,svm_logstd",
        "--config.cross=",
        "--config.horizon=",
        "--config.length=",
        "--config.fins=",
    ]
    workdir = tmp_path / "study"
    done = run_main(*quick, f"--workdir={workdir}", "--shard=2/2")
    assert re.search(r"2 of 4 runs are left \(within/lda_logstd/subject_1, .*submit it again", done.stderr)
    assert not (workdir / "report").exists()
    done = run_main(*quick, f"--workdir={workdir}", "--shard=1/2")
    assert "left" not in done.stderr
    assert "svm_logstd" in body(workdir)


def test_a_run_that_fails_does_not_stop_the_others(tmp_path, environment):
    options = [
        "--config.within=fin_cnn,lda_logstd",
        "--config.cross=",
        "--config.horizon=",
        "--config.length=",
        "--config.fins=",
    ]
    workdir = tmp_path / "study"
    (workdir / "fin/rms/0_ms/checkpoints/60").mkdir(parents=True)  # a checkpoint that cannot be read
    done = run_main(TEST, f"--workdir={workdir}", *options, check=False, env=environment)
    assert done.returncode == 1
    assert "error: 1 runs failed: fin/rms/0_ms: " in done.stderr
    assert "3 of 7 runs are left (fin/rms/0_ms, within/fin_cnn/subject_1, within/fin_cnn/subject_2)" in done.stderr
    assert "| lda_logstd | 2 |" in body(workdir)


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({}, {"shard": "4/3"}, "--shard=4/3: give the part and the number of parts"),
        ({"within": "lda"}, {}, "config.within: unknown method 'lda'"),
        ({"baseline": "lda"}, {}, "config.baseline: unknown method 'lda'"),
        ({"horizons": (0, 70)}, {}, "70 ms is 1.4 steps"),
        ({"cnn.train.batch_size": 0}, {}, "--config.cnn.train.batch_size=0: must be at least 1"),
        ({"methods.lda_logstd.features": "rsm"}, {}, "--config.methods.lda_logstd.features=rsm: unknown feature 'rsm'"),
        (  # of a method that another starts from
            {"within": "fin_cnn", "cross": "", "horizon": "", "length": "", "cnn.features": "rms,nope"},
            {},
            "--config.cnn.features=rms,nope: unknown feature 'nope'",
        ),
        ({"data.subjects": "1,7"}, {}, "no data of subjects 7; there are 1-2"),
        ({}, {"mode": "evaluate"}, "no study in "),
    ],
)
def test_an_impossible_study_is_refused_before_any_run(tmp_path, change, options, message):
    config = study.get_config("test")
    config.update_from_flattened_dict(change)
    with pytest.raises(FinjaxError, match=message):
        run(config, workdir=tmp_path / "study", **options)
    assert not (tmp_path / "study").exists()


def test_a_refusal_is_one_message(tmp_path):
    done = run_main(TEST, f"--workdir={tmp_path}/study", "--config.horizons=0,70", check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: --config.horizons: 70 ms") and "Traceback" not in done.stderr


def test_results_of_other_settings_do_not_mix(whole_study):
    done = run_main(TEST, f"--workdir={whole_study[0]}", "--config.seed=5", "--config.cnn.cnn.dropout=0.1", check=False)
    assert done.returncode == 1
    assert re.search(
        r"other settings \(cnn.cnn.dropout: recorded 0.3, now 0.1; seed: recorded 0, now 5\)\. Give the same",
        done.stderr,
    )


def test_only_a_study_accepts_a_shard(tmp_path):
    with pytest.raises(ConfigError, match="only a study has parts"):
        run(classical.get_config("test"), workdir=tmp_path, shard="1/2")


def test_the_report_says_that_a_figure_could_not_be_drawn():
    assert _image("within", "Accuracy.", drawn=True) == [Image("figures/within.png", "Accuracy.")]
    assert _image("within", "Accuracy.", drawn=False) == [Text("This figure could not be drawn: Accuracy.")]
