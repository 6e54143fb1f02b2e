"""What a person does on the live page, in the process that decodes, and the work that this takes."""

import pickle
import time
from pathlib import Path

import numpy as np
import pytest

from finjax.data.synthetic import Settings, generate
from finjax.errors import StorageError
from finjax.live import LiveDecoder
from finjax.web.background import Background, pickled
from finjax.web.calibration import Calibration
from finjax.web.controls import Controls
from finjax.web.sliders import Setting, SettingSlider


@pytest.fixture
def decoder(small_decoder) -> LiveDecoder:
    return LiveDecoder(small_decoder)


@pytest.fixture
def page(decoder, small_decoder) -> Controls:
    return Controls(decoder, run=small_decoder, settings={"vote": 1, "least_probability": 0.0, "dwell_ms": 0.0})


def notices(page: Controls) -> list[str]:
    return [notice["text"] for notice in page.state()["notices"]]


def test_settings_change_the_next_decision(page, decoder):
    signal = generate(1, Settings(subjects=1, movement_s=1.0, rest_s=0.0)).signal
    assert decoder.push(signal[:640])[-1].movement is not None
    page.obey({"do": "settings", "least_probability": 0.999999})
    assert decoder.push(signal[640:680])[-1].movement is None
    page.obey({"do": "settings", "least_probability": 0, "vote": 5, "dwell_ms": 100})
    assert page.state()["settings"] == {"vote": 5, "least_probability": 0.0, "dwell_ms": 100.0}
    assert decoder.push(signal[680:720])[-1].movement is None  # the dwell: five decisions
    assert decoder.push(signal[720:880])[-1].movement is not None
    assert notices(page) == []


@pytest.mark.parametrize(
    ("command", "notice"),
    [
        ({"do": "settings", "vote": 0}, "vote=0"),
        ({"do": "settings", "vote": 10**9}, "at most 100"),
        ({"do": "settings", "dwell_ms": -1}, "0 to 2000 ms"),
        ({"do": "settings", "least_probability": "high"}, "not understood"),
        ({"do": "settings", "vote": float("nan")}, "not understood"),
        ({"do": "settings", "vote": float("inf")}, "not understood"),
        ({"do": "format the disk"}, "not understood"),
        ({}, "not understood"),
        ({"do": "calibrate"}, "not understood"),
        ({"do": "calibrate", "movements": ["wave", "x"], "repetitions": 1, "hold_s": 2}, "no movement 'wave'"),
        ({"do": "save"}, "calibrate first"),
    ],
)
def test_a_command_that_is_not_possible_is_a_notice_and_changes_nothing(page, command, notice):
    before = page.state() | {"notices": []}
    page.obey(command)
    assert len(notices(page)) == 1 and notice in notices(page)[0]
    assert page.state() | {"notices": []} == before


def test_decisions_stop_and_start(page):
    page.obey({"do": "pause"})
    assert page.paused and page.state()["paused"]
    page.obey({"do": "start"})
    assert not page.paused


def test_the_list_of_notices_is_bounded(page):
    for _ in range(50):
        page.obey({"do": "nonsense"})
    numbers = [notice["number"] for notice in page.state()["notices"]]
    assert numbers == [46, 47, 48, 49, 50]


def test_a_calibration_can_be_cancelled_and_a_second_one_must_wait(page, decoder):
    begin = {"do": "calibrate", "movements": decoder.movement_names[:2], "repetitions": 1, "hold_s": 2}
    page.obey(begin)
    assert page.prompt()["phase"] == "ready"
    page.obey(begin)
    assert "wait until this has ended" in notices(page)[0]
    page.obey({"do": "calibration", "step": "__init__"})  # not a step
    page.obey({"do": "calibration", "step": "cancel"})
    assert page.prompt() is None and "cancelled" in notices(page)[-1]
    page.obey({"do": "calibration", "step": "skip"})  # of a tab that has not noticed yet


def wait(page: Controls) -> None:
    until = time.monotonic() + 240
    while page.state()["task"]:
        page.look()
        time.sleep(0.05)
        assert time.monotonic() < until


@pytest.mark.slow
def test_a_guided_calibration_changes_the_decoder_as_calibrate_does_and_the_stream_goes_on(
    page, decoder, small_decoder
):
    person = generate(2, Settings(subjects=2, movement_s=1.0, rest_s=0.0))
    names = decoder.movement_names[:2]
    page.obey({"do": "calibrate", "movements": names, "repetitions": 1, "hold_s": 2})
    given = []
    while page.prompt() is not None:  # the person does what is shown
        prompt = page.prompt()
        which = person.movement == names.index(prompt["movement"])
        chunk = person.signal[which][len(given) % 50 * 40 :][:40]
        given.append(chunk)
        decoder.push(chunk)
        page.take(chunk)
    assert page.state()["task"] == "calibrating"
    seen_s = decoder.push(person.signal[:40])[-1].time_s
    wait(page)
    assert notices(page) == ["calibrated: decisions use it from now on"]
    after = decoder.push(person.signal[40:80])[-1]
    assert after.time_s == pytest.approx(seen_s + 0.02)  # the same stream

    # The same samples and labels, given to `calibrate` itself.
    guided = Calibration(names, decoder.movement_names, repetitions=1, hold_s=2.0, rate_hz=2000.0)
    for chunk in given:
        guided.take(chunk)
    reference = LiveDecoder(small_decoder)
    reference.calibrate(*guided.recording(), progress=False)
    np.testing.assert_allclose(decoder._statistics, reference._statistics, rtol=1e-6)
    windows = np.random.default_rng(0).normal(size=(4, 12, 600)).astype(np.float32)
    np.testing.assert_allclose(decoder.model.logits(windows), reference.model.logits(windows), rtol=0.02, atol=0.05)
    untuned = LiveDecoder(small_decoder).model.logits(windows)
    assert np.abs(decoder.model.logits(windows) - untuned).max() > 0.2  # the tolerance above can fail


def fail(kind: str) -> None:
    """Fails in the process of a background task."""
    if kind == "memory":
        import os
        import signal

        os.kill(os.getpid(), signal.SIGKILL)
    raise StorageError("the disk is full") if kind == "storage" else RuntimeError("boom")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "message"),
    [("storage", "the disk is full"), ("bug", "RuntimeError: boom"), ("memory", "ended with status -9")],
)
def test_work_that_fails_beside_the_decisions_is_a_notice(page, kind, message):
    page._start("calibrating", page._adopt, fail, kind)
    wait(page)
    assert notices(page)[0].startswith("calibrating: ") and message in notices(page)[0]


@pytest.mark.slow
def test_work_beside_the_decisions_can_be_stopped():
    task = Background(time.sleep, 600)
    until = time.monotonic() + 60
    while task._process is None or task._process.pid is None:
        assert time.monotonic() < until
        time.sleep(0.01)
    task.stop()
    task._process.join(30)
    assert task._process.exitcode == -9


def test_what_the_program_was_started_with_does_not_block_other_settings(decoder, small_decoder):
    settings = {"vote": 150, "least_probability": 0.0, "dwell_ms": 3000.0}
    page = Controls(decoder, run=small_decoder, settings=settings)
    page.obey({"do": "settings", "least_probability": 0.5})
    assert notices(page) == [] and page.state()["settings"] == settings | {"least_probability": 0.5}
    page.obey({"do": "settings", "vote": 101})
    assert "at most 100" in notices(page)[0]


def test_a_decoder_is_saved_beside_its_run_from_within_the_folder(decoder, small_decoder, monkeypatch):
    monkeypatch.chdir(small_decoder)
    page = Controls(decoder, run=Path("."), settings={"vote": 1, "least_probability": 0.0, "dwell_ms": 0.0})
    started = []
    monkeypatch.setattr(page, "_start", lambda name, then, function, *arguments: started.append(arguments))
    page._adopt(decoder)
    page.obey({"do": "save"})
    assert notices(page) == ["calibrated: decisions use it from now on"]
    ((_, folder, _),) = started
    assert folder.parent == small_decoder.parent.resolve()
    assert folder.name.startswith(f"{small_decoder.name}_calibrated")


def slow(result: str) -> str:
    """Takes a while in the process of a background task."""
    time.sleep(0.5)
    return result


@pytest.mark.slow
def test_the_end_of_a_session_waits_for_a_decoder_to_be_saved(page, decoder):
    page._adopt(decoder)
    page._start("saving", page._saved, slow, "folder")
    assert page.close() == 0
    assert notices(page)[-1].startswith("saved to folder")


@pytest.mark.slow
def test_calibrations_that_the_end_of_a_session_loses_are_counted(page, decoder):
    assert page.close() == 0
    page._start("calibrating", page._adopt, time.sleep, 600)
    assert page.close() == 1
    page._adopt(decoder)
    page._start("saving", page._saved, fail, "storage")
    assert page.close() == 1  # it could not be saved


def test_content_is_pickled_in_parts():
    content = [np.arange(12 * 40, dtype=np.float32).reshape(40, 12) + number for number in range(200)]
    np.testing.assert_array_equal(pickle.loads(pickled(content)), content)


def test_a_snapshot_is_made_without_compiling_and_stays_as_it_was(decoder, monkeypatch):
    signal = generate(1, Settings(subjects=1, movement_s=1.0, rest_s=0.0)).signal
    decoder.push(signal[:640])
    with monkeypatch.context() as patch:
        patch.setattr(LiveDecoder, "_compile", lambda self: pytest.fail("compiles"))
        taken = decoder.snapshot()
    expected = [decision.probabilities for decision in decoder.push(signal[640:800])]
    found = [decision.probabilities for decision in pickle.loads(pickle.dumps(taken)).push(signal[640:800])]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)


def test_a_slider_that_follows_the_decoder_sends_nothing_back():
    sent, slider = [], object.__new__(SettingSlider)  # without a browser
    slider._setting = Setting(name="least_probability", label="", least=0, most=95, factor=100)
    slider._command = sent.append
    slider._known = 1 / 3
    slider._change(round(100 / 3, 6))  # what `follow` shows
    assert sent == []
    slider._change(34)
    assert sent == [{"do": "settings", "least_probability": 0.34}]
