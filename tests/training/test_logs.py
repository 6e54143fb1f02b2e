"""The records of a run: metrics, TensorBoard, and `config.json`."""

import json
import subprocess

import pytest

from finjax.training.logs import MetricLog, _git_revision, describe_run, read_metrics, record_run, write_json


def read(path):
    return [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]


def test_metrics_are_lines_of_json_and_tensorboard_events(tmp_path):
    with MetricLog(tmp_path, resume_step=0, tensorboard=True) as log:
        log.write(5, loss=0.5)
        log.write(10, loss=0.25, windows_per_s=100.0)
    assert read(tmp_path) == [{"step": 5, "loss": 0.5}, {"step": 10, "loss": 0.25, "windows_per_s": 100.0}]
    assert list((tmp_path / "tensorboard").glob("events.*"))


def test_resuming_removes_the_metrics_after_the_checkpoint(tmp_path):
    with MetricLog(tmp_path, resume_step=0, tensorboard=False) as log:
        for step in (5, 10, 15):
            log.write(step, loss=1.0)
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 20, "lo')  # cut off by a kill
    with MetricLog(tmp_path, resume_step=10, tensorboard=False) as log:
        log.write(15, loss=2.0)
    assert [line["step"] for line in read(tmp_path)] == [5, 10, 15]
    assert read(tmp_path)[-1]["loss"] == 2.0
    assert not (tmp_path / "tensorboard").exists()


@pytest.mark.parametrize("end", [b'{"step": 20, "lo', b"\0\0\0", b'{"loss": 1}\n', b"\xff\xfe\n", b"[1]\n7\n\n"])
def test_a_damaged_end_of_the_metrics_is_left_out(tmp_path, end):
    with MetricLog(tmp_path, resume_step=0, tensorboard=False) as log:
        log.write(5, loss=1.0)
    with (tmp_path / "metrics.jsonl").open("ab") as file:
        file.write(end)
    assert read_metrics(tmp_path) == [{"step": 5, "loss": 1.0}]
    with MetricLog(tmp_path, resume_step=5, tensorboard=False) as log:
        log.write(10, loss=0.5)
    assert read(tmp_path) == [{"step": 5, "loss": 1.0}, {"step": 10, "loss": 0.5}]


def test_a_damaged_record_of_the_run_is_written_again(tmp_path, caplog):
    path = tmp_path / "config.json"
    for damaged in ("", "[1]", '{"config"'):
        path.write_text(damaged)
        record_run(path, {"seed": 3}, resumed=True)
        assert json.loads(path.read_text())["config"] == {"seed": 3}
    assert caplog.text.count("config.json is damaged") == 3


def test_a_failed_write_leaves_the_file_as_it_was(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"a": 1})
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    assert json.loads(path.read_text()) == {"a": 1}


def test_a_run_is_described_well_enough_to_repeat_it():
    described = describe_run({"seed": 3})
    assert described["config"] == {"seed": 3}
    assert {"jax", "flax", "optax", "orbax-checkpoint", "finjax", "python"} <= set(described["versions"])
    assert described["device"]["count"] >= 1
    json.dumps(described)


def test_a_git_that_does_not_answer_is_waited_for_once(monkeypatch):
    asked = []

    def hang(command, **options):
        asked.append(options["timeout"])
        raise subprocess.TimeoutExpired(command, options["timeout"])

    monkeypatch.setattr(subprocess, "run", hang)
    _git_revision.cache_clear()
    assert [describe_run({})["git_revision"] for _ in range(2)] == [None, None]
    assert len(asked) <= 1  # 0 if there is no checkout
    _git_revision.cache_clear()
