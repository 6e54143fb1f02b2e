"""The live program from start to summary: replay, calibration, limits, signals, refusals."""

import dataclasses
import json
import os
import re
import signal

import numpy as np
import pytest

from finjax.data.synthetic import Settings, generate
from finjax.errors import FinjaxError
from finjax.live.__main__ import main
from finjax.sources.lines import Lines
from finjax.sources.replay import Replay


def test_a_replay_ends_with_its_summary(small_decoder, tmp_path, capsys):
    assert main([str(small_decoder), "--speed=0", f"--to-file={tmp_path / 'out.jsonl'}", "--vote=3"]) == 0
    printed = capsys.readouterr().out
    # Repetitions 2 and 5 of 17 movements of 1 s: 68,000 samples, a decision every 40 from the 600th on.
    assert "1686 decisions, 0 without a movement" in printed
    assert "accuracy" in printed and "first right decision" in printed and "p99" in printed
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert len(lines) == 1686
    assert lines[0]["time_s"] == 0.3 and len(lines[0]["probabilities"]) == 17


@pytest.mark.slow
def test_a_new_person_is_calibrated_first_or_gets_a_warning(small_decoder, capsys, caplog):
    arguments = ["--subject=2", "--speed=0", "--replay=2", "--quiet"]
    assert main([str(small_decoder), *arguments, "--calibrate=1"]) == 0
    printed = capsys.readouterr()
    assert "calibration: 100%" in printed.err
    assert "accuracy" in printed.out
    assert not caplog.records
    assert main([str(small_decoder), *arguments]) == 0
    assert [r.message for r in caplog.records if "no z-score of subject 2 and uses the mean of" in r.message]


def test_a_warning_about_the_z_score_comes_before_the_stream(small_decoder, caplog, monkeypatch):
    said = []
    monkeypatch.setattr("finjax.live.session.decode", lambda *_, **__: said.extend(caplog.messages))
    assert main([str(small_decoder), "--subject=2", "--quiet"]) == 0
    (message,) = said
    assert "no z-score of subject 2" in message


def test_channels_of_a_live_stream_are_put_into_the_order_of_the_decoder(small_decoder, monkeypatch):
    recording = generate(1, Settings(subjects=1, movement_s=1.0, rest_s=0.0))
    turned = dataclasses.replace(
        recording, signal=recording.signal[:, ::-1], channel_names=tuple(reversed(recording.channel_names))
    )
    given = []
    monkeypatch.setattr("finjax.live.session.open_source", lambda *_, **__: Replay(turned, chunk=40, speed=0))
    monkeypatch.setattr(
        "finjax.live.session.decode", lambda decoder, source, *_, **__: given.append(next(iter(source)))
    )
    assert main([str(small_decoder), "--source=lsl:turned", "--quiet"]) == 0
    np.testing.assert_array_equal(given[0], recording.signal[: len(given[0])])


def test_a_replay_that_is_not_possible_is_one_message(small_decoder, capsys):
    assert main([str(small_decoder), "--replay=9"]) == 1
    assert "error: --replay=9: subject 1 has no such repetition" in capsys.readouterr().err
    assert main([str(small_decoder / "nothing")]) == 1
    assert main(["no/such/run", "--to-udp=nowhere"]) == 1
    assert "give host:port" in capsys.readouterr().err


def test_a_demonstration_that_cannot_be_written_is_one_message(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").touch()  # where a folder is to be made
    assert main([]) == 1
    error = capsys.readouterr().err
    assert re.fullmatch(
        r"error: cannot write the demonstration to .*/runs/live_demo .* Start it in a folder .*\n", error
    )
    assert "--workdir" not in error  # an option of the training


def test_the_summary_shows_the_memory(small_decoder, monkeypatch, capsys):
    monkeypatch.setattr("finjax.live.memory_watch.WARM_UP_S", 0.0)
    assert main([str(small_decoder), "--replay=2", "--speed=0", "--quiet"]) == 0
    assert "MiB after the first minute, then" in capsys.readouterr().out


@pytest.mark.parametrize("option", ["--seconds=-1", "--seconds=nan", "--idle=inf", "--idle=-0.1", "--speed=nan"])
def test_limits_that_mean_nothing_are_refused(option, capsys):
    assert main(["no/such/run", option]) == 1
    assert capsys.readouterr().err.startswith(f"error: {option}: give a number from 0")


@pytest.mark.parametrize("port", [-1, 65_536, 10**30])
@pytest.mark.parametrize("option", ["tcp", "udp"])
def test_ports_to_listen_at_are_checked_before_anything_is_loaded(option, port, capsys):
    assert main(["no/such/run", f"--{option}={port}"]) == 1
    assert capsys.readouterr().err == f"error: {option}:{port}: give a port from 0 to 65535\n"
    with pytest.raises(FinjaxError, match="give a port from"):
        Lines(option, port=port, channels=2, rate_hz=2000.0)


def test_a_signal_ends_the_session_with_its_summary(small_decoder, tmp_path, monkeypatch, capsys):
    def asked(self):
        for count, chunk in enumerate(self._chunks()):
            if count == 20:
                os.kill(os.getpid(), signal.SIGTERM)
            yield chunk

    monkeypatch.setattr(Replay, "__iter__", asked)
    before = signal.getsignal(signal.SIGTERM)
    assert main([str(small_decoder), "--quiet", f"--to-file={tmp_path / 'out.jsonl'}"]) == 0
    assert "7 decisions" in capsys.readouterr().out
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 7
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize(("name", "status"), [("SIGTERM", 75), ("SIGINT", 130)])
def test_a_signal_before_the_decoding_ends_the_program_without_a_word_of_resuming(monkeypatch, capsys, name, status):
    monkeypatch.setattr("finjax.live.session.LiveDecoder", lambda *_, **__: os.kill(os.getpid(), signal.Signals[name]))
    assert main(["no/such/run"]) == status
    assert capsys.readouterr().err == f"stopped by {name}.\n"
