"""A calibrated decoder is saved as a run that everything takes."""

import dataclasses
import json

import numpy as np
import pytest
from conftest import ROOT, run_main

import finjax
from finjax.data import synthetic
from finjax.data.zscore import channel_statistics
from finjax.errors import CheckpointError, DataError
from finjax.inference.export import export_model
from finjax.live import LiveDecoder
from finjax.live.__main__ import main

SETTINGS = synthetic.Settings(subjects=2, movement_s=1.0, rest_s=0.0)


def repetition_of(subject, number):
    one = synthetic.generate(subject, SETTINGS)
    kept = one.repetition == number
    return dataclasses.replace(
        one, signal=one.signal[kept], movement=one.movement[kept], repetition=one.repetition[kept]
    )


@pytest.fixture(scope="module")
def calibrated(small_decoder, tmp_path_factory):
    """A decoder of subject 1 that was calibrated to repetition 1 of subject 2, and the folder it was saved in."""
    decoder = LiveDecoder(small_decoder, update="50ms")
    own = repetition_of(2, 1)
    decoder.calibrate(own.signal, own.movement, progress=False)
    folder = tmp_path_factory.mktemp("saved") / "subject_2"
    decoder.save(folder, subject=2, repetitions=(1,))
    return decoder, folder


def test_a_saved_decoder_decides_as_it_did_before(calibrated):
    decoder, folder = calibrated
    samples = repetition_of(2, 3).signal[:4000]
    decoder.reset()
    again = LiveDecoder(folder, update="50ms")
    before, after = ([one.probabilities for one in each.push(samples)] for each in (decoder, again))
    np.testing.assert_allclose(before, after, atol=1e-6)
    assert len(before) > 10


def test_it_knows_the_person_and_what_it_was_tuned_to(calibrated, small_decoder):
    _, folder = calibrated
    model, base = finjax.load(folder), finjax.load(small_decoder)
    assert model.subjects == (2,) and model.split.test_repetitions == ()
    assert model.trained_on == {**base.trained_on, 2: (1,)}
    assert model.statistics_from[2] == "used"
    own = repetition_of(2, 1).signal
    row = np.flatnonzero(np.asarray(model.signal.subjects) == 2)[0]
    mean, std = channel_statistics(own.T)
    np.testing.assert_allclose(model.signal.mean[row], mean, rtol=1e-6)
    np.testing.assert_allclose(model.signal.std[row], std, rtol=1e-6)


def test_it_is_exported(calibrated, tmp_path):
    pytest.importorskip("flatbuffers")
    _, folder = calibrated
    exported, model = export_model(folder, tmp_path / "model.finjax", platforms=("cpu",)), finjax.load(folder)
    windows = np.random.default_rng(0).normal(size=(3, 12, 600)).astype(np.float32)
    np.testing.assert_allclose(exported.run(windows), model.logits(windows), atol=1e-4)


@pytest.mark.slow
def test_it_is_evaluated_on_repetitions_that_it_does_not_know(calibrated):
    _, folder = calibrated
    options = [f"--config={folder}/config.json", f"--workdir={folder.parent}", "--mode=evaluate"]
    refused = run_main(*options, "--config.data.test_repetitions=1,2", check=False)
    assert "repetitions 1 are in both parts of the split" in refused.stderr
    both = ["--config.data.seen_tune_repetitions=3", "--config.data.train_repetitions=3"]
    unseen = ["--config.data.unseen_tune_repetitions=3"]
    refused = run_main(*options, *both, *unseen, "--config.data.test_repetitions=1,2", check=False)
    assert "the model was trained on repetitions 1 of subject 2" in refused.stderr
    run_main(*options, "--config.data.test_repetitions=2,5", cwd=ROOT)
    metrics = json.loads((folder / "eval" / "metrics.json").read_text())
    (scores,) = metrics["subjects"]
    assert scores["subject"] == 2 and scores["accuracy"] > 2 / 17  # chance is one of seventeen


def test_only_a_calibrated_decoder_is_saved_and_no_run_is_replaced(calibrated, small_decoder, tmp_path):
    with pytest.raises(DataError, match="only a calibrated decoder can be saved"):
        LiveDecoder(small_decoder).save(tmp_path / "new", subject=2)
    decoder, folder = calibrated
    with pytest.raises(CheckpointError, match="holds a run already"):
        decoder.save(folder, subject=2)


def test_a_decoder_with_only_a_new_z_score_is_saved_too(small_decoder, tmp_path):
    decoder = LiveDecoder(small_decoder)
    own = repetition_of(2, 1).signal
    decoder.calibrate(own)
    decoder.save(tmp_path / "subject_2", subject=2)
    model = finjax.load(tmp_path / "subject_2")
    assert model.statistics_from[2] == "unlabelled" and 2 not in model.trained_on


def test_a_session_saves_what_it_calibrated(small_decoder, tmp_path, capsys):
    folder = tmp_path / "subject_1"
    options = [str(small_decoder), "--calibrate=3", f"--save={folder}", "--replay=4", "--speed=0", "--quiet"]
    assert main([*options, "--seconds=1"]) == 0
    assert f"saved: {folder}" in capsys.readouterr().out
    assert finjax.load(folder).split.train_repetitions == (3,)
    assert main([str(folder), "--speed=0", "--quiet"]) == 1
    assert "none is left to replay" in capsys.readouterr().err
    assert main([str(small_decoder), f"--save={folder}"]) == 1
    assert "--save keeps a decoder that --calibrate has tuned" in capsys.readouterr().err


def test_an_occupied_folder_is_refused_before_the_calibration(small_decoder, monkeypatch, capsys):
    monkeypatch.setattr("finjax.live.decoder.LiveDecoder.calibrate", lambda *_, **__: pytest.fail("calibrates"))
    assert main([str(small_decoder), "--calibrate=3", f"--save={small_decoder}", "--replay=4", "--quiet"]) == 1
    assert "holds a run already" in capsys.readouterr().err
