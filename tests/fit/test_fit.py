"""finjax fit on small BIDS folders, from the command line to the decoder that it gives."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("edfio")
from data.bids_folder import MOVEMENTS, emg, trials, write_run

import finjax
from finjax.data.loading import load_recordings
from finjax.data.registry import Filter, get_spec
from finjax.fit.__main__ import main
from finjax.inference.export import export_model
from finjax.live import LiveDecoder
from finjax.run import run


def write_people(folder, *, subjects=("1",), repetitions=(1, 2, 3), rate_hz=1000.0, unit="uV"):
    for subject in subjects:
        rows = trials(repetitions=repetitions)
        write_run(
            folder,
            subject=subject,
            rows=rows,
            rate_hz=rate_hz,
            signal=emg(rows, seed=int(subject), rate_hz=rate_hz) * {"uV": 1.0, "mV": 1e-3}[unit],
            unit=unit,
        )
    return folder


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """The folder of a fit of two people at 2,048 Hz, which gives no whole number of samples for a window."""
    root = tmp_path_factory.mktemp("fit")
    recording = write_people(root / "recording", subjects=("1", "2"), rate_hz=2048.0)
    assert (
        main([str(recording), f"--workdir={root / 'run'}", "--preset=cnn:test", f"--cache_dir={root / 'cache'}"]) == 0
    )
    return root


def read(folder):
    return json.loads((folder / "fit.json").read_text(encoding="utf-8"))


@pytest.mark.slow
def test_every_repetition_is_tested_once_by_a_decoder_of_the_others(fitted):
    result = read(fitted / "run")
    assert result["finished"] and [person["subject"] for person in result["people"]] == [1, 2]
    for person in result["people"]:
        scores = person["cross_validation"]
        folds = scores["by_repetition"]
        assert list(folds) == ["1", "2", "3"]
        confusion = np.sum([fold["confusion"] for fold in folds.values()], axis=0)
        assert confusion.tolist() == scores["confusion"]
        assert scores["accuracy"] == pytest.approx(np.trace(confusion) / confusion.sum())
        windows = 3 * 3 * ((2048 - 614) // 102 + 1)  # 1 s held, windows of 614 samples every 102
        assert scores["windows"] == confusion.sum() == windows
        assert scores["largest_share_of_a_movement"] == pytest.approx(1 / 3)
        for repetition in (1, 2, 3):
            fold = fitted / "run" / "cross_validation" / f"subject_{person['subject']}" / f"repetition_{repetition}"
            model = finjax.load(fold / f"subject_{person['subject']}")
            assert model.split.test_repetitions == (repetition,)
            assert set(model.trained_on[person["subject"]]) == {1, 2, 3} - {repetition}


@pytest.mark.slow
def test_the_decoder_knows_all_repetitions_and_keeps_none_for_a_test(fitted):
    for person in read(fitted / "run")["people"]:
        model = finjax.load(person["decoder"])
        assert model.trained_on == {person["subject"]: (1, 2, 3)} and model.split.test_repetitions == ()
        assert (model.rate_hz, model.framing.length, model.movement_names) == (2048.0, 614, MOVEMENTS)


@pytest.mark.slow
def test_the_record_says_how_it_was_made(fitted):
    result = read(fitted / "run")
    assert result["inputs"]["seed"] == 0 and result["run"]["versions"]["finjax"]
    assert result["inputs"]["recording"] == (fitted / "recording").as_posix()
    assert len(result["inputs"]["people"]["1"]["digest"]) == 64
    assert (fitted / "run" / "confusion.png").stat().st_size > 1000


@pytest.mark.slow
def test_the_same_command_resumes_and_gives_the_same_figures(fitted, capsys):
    before = read(fitted / "run")["people"]
    (fitted / "run" / "fit.json").write_text(json.dumps({"finished": False, "inputs": read(fitted / "run")["inputs"]}))
    shutil.rmtree(fitted / "run" / "cross_validation" / "subject_2" / "repetition_2" / "eval")
    arguments = [str(fitted / "recording"), f"--workdir={fitted / 'run'}", "--preset=cnn:test"]
    assert main([*arguments, f"--cache_dir={fitted / 'cache'}"]) == 0
    assert read(fitted / "run")["people"] == before
    out = capsys.readouterr().out
    assert "window=300ms is 614.4 samples at 2048 Hz: rounded to 614 samples" in out
    assert f"finjax live {fitted}/run/subject_1 --source=" in out
    assert main([*arguments, "--seed=1"]) == 1
    assert "holds an earlier fit, and it had other seed" in capsys.readouterr().err


@pytest.mark.slow
def test_the_decoder_decodes_live_and_is_exported(fitted, tmp_path):
    pytest.importorskip("flatbuffers")
    folder = read(fitted / "run")["people"][0]["decoder"]
    spec = get_spec("bids", fitted / "recording")
    (recording,) = load_recordings(
        spec, fitted / "recording", subjects=(1,), filter=Filter(), cache_dir=fitted / "cache", progress=False
    )
    decoder = LiveDecoder(folder, update="50ms")
    decisions = decoder.push(recording.signal[:8192])
    assert len(decisions) == (8192 - 614) // 102 + 1
    exported, model = export_model(folder, tmp_path / "model.finjax", platforms=("cpu",)), finjax.load(folder)
    windows = np.random.default_rng(0).normal(size=(2, 3, 614)).astype(np.float32)
    np.testing.assert_allclose(exported.run(windows), model.logits(windows), atol=1e-4)


@pytest.mark.slow
def test_a_decoder_of_other_people_is_a_start_where_it_fits(fitted, tmp_path, capsys):
    decoder = read(fitted / "run")["people"][1]["decoder"]
    own = write_people(tmp_path / "own", subjects=("3",), repetitions=(1, 2), rate_hz=2048.0)
    options = [f"--from={decoder}", f"--cache_dir={tmp_path / 'cache'}", f"--workdir={tmp_path / 'run'}"]
    assert main([str(own), *options]) == 0
    (person,) = read(tmp_path / "run")["people"]
    assert finjax.load(person["decoder"]).trained_on == {2: (1, 2, 3), 3: (1, 2)}
    out = capsys.readouterr().out
    assert "trained on people 2" in out and "was trained on samples in" not in out

    for folder, message in (
        (fitted / "recording", "was trained on repetitions 1-3 of subject 2"),
        (write_people(tmp_path / "other", subjects=("3",)), "its rate: 2048 Hz; those of the recording: 1000 Hz"),
    ):
        assert main([str(folder), *options[:2], f"--workdir={tmp_path / 'none'}"]) == 1
        assert message in capsys.readouterr().err
        assert not (tmp_path / "none").exists()


@pytest.mark.slow
def test_a_decoder_of_samples_in_another_unit_is_a_start_with_a_remark(fitted, tmp_path, capsys):
    decoder = read(fitted / "run")["people"][1]["decoder"]
    own = write_people(tmp_path / "own", subjects=("3",), repetitions=(1,), rate_hz=2048.0, unit="mV")
    options = [f"--from={decoder}", f"--cache_dir={tmp_path / 'cache'}", f"--workdir={tmp_path / 'run'}"]
    assert main([str(own), *options]) == 0
    assert (
        "that decoder was trained on samples in uV, these are in mV. It makes no difference" in capsys.readouterr().out
    )
    (person,) = read(tmp_path / "run")["people"]
    assert finjax.load(decoder).unit == "uV" and finjax.load(person["decoder"]).unit == "mV"


@pytest.mark.slow
def test_fins_are_a_start_too(tmp_path):
    from finjax.configs import fin

    recording = write_people(tmp_path / "recording", subjects=("1",), repetitions=(1, 2))
    config = fin.get_config("test", target="rms,var")
    config.data.name, config.data.dir, config.data.cache_dir = "bids", str(recording), str(tmp_path / "cache")
    config.data.test_repetitions, config.data.train_repetitions = "none", "1"
    config.train.max_steps, config.log.tensorboard = 2, False
    run(config, workdir=tmp_path / "fins")
    own = write_people(tmp_path / "own", subjects=("2",), repetitions=(1, 2))
    options = [f"--cache_dir={tmp_path / 'cache'}", f"--workdir={tmp_path / 'run'}", "--preset=fine_tune:test"]
    assert main([str(own), f"--from={tmp_path / 'fins'}", *options]) == 0
    (person,) = read(tmp_path / "run")["people"]
    assert len(read(tmp_path / "run")["inputs"]["from_parameters"]) == 64
    model = finjax.load(person["decoder"])
    assert model.kind == "fine_tune" and set(model.features) == {"rms", "var"}
    assert model.trained_on == {1: (1,), 2: (1, 2)}


@pytest.mark.slow
def test_fins_that_ship_with_finjax_are_a_start_without_any_other(tmp_path, capsys):
    recording = write_people(tmp_path / "recording", repetitions=(1, 2), rate_hz=2048.0)
    options = [f"--cache_dir={tmp_path / 'cache'}", f"--workdir={tmp_path / 'run'}", "--preset=fine_tune:test"]
    assert main([str(recording), *options]) == 0
    out = capsys.readouterr().out
    assert "training     FINs of logstd, logstd_d1, logstd_d2, smyop that ship with finjax, trained on synthetic" in out
    (person,) = read(tmp_path / "run")["people"]
    assert person["cross_validation"]["accuracy"] > 0.5  # chance is a third
    model = finjax.load(person["decoder"])
    assert model.kind == "fine_tune" and model.trained_on == {1: (1, 2)}
    assert model.framing.length == 600  # in place of 614 samples, which are 300 ms
    assert model.config.fine_tune.fins == "shipped:600/{feature}"


@pytest.mark.slow
def test_a_repetition_that_was_broken_off_is_tuned_to_but_not_tested(tmp_path, capsys):
    rows = trials(repetitions=(1, 2, 3))[:-2]
    write_run(tmp_path / "recording", subject="1", rows=rows, signal=emg(rows, seed=1))
    options = [f"--cache_dir={tmp_path / 'cache'}", f"--workdir={tmp_path / 'run'}", "--preset=cnn:test"]
    assert main([str(tmp_path / "recording"), *options]) == 0
    (person,) = read(tmp_path / "run")["people"]
    assert list(person["cross_validation"]["by_repetition"]) == ["1", "2"]
    assert finjax.load(person["decoder"]).trained_on == {1: (1, 2, 3)}
    out = capsys.readouterr().out
    assert "repetition 3 has no window of open, rest, so that it is not tested" in out
    assert "each repetition by a decoder that was tuned to the other 2." in out


@pytest.mark.slow
def test_one_repetition_gives_a_decoder_without_an_accuracy(tmp_path, capsys):
    recording = write_people(tmp_path / "recording", repetitions=(1,))
    options = [f"--cache_dir={tmp_path / 'cache'}", f"--workdir={tmp_path / 'run'}", "--preset=cnn:test"]
    assert main([str(recording), *options]) == 0
    assert "one repetition only, so its accuracy cannot be measured" in capsys.readouterr().out
    (person,) = read(tmp_path / "run")["people"]
    assert person["cross_validation"] is None and finjax.load(person["decoder"]).trained_on == {1: (1,)}
    assert not Path(tmp_path / "run" / "confusion.png").exists()


@pytest.mark.slow
def test_a_dataset_with_a_split_of_its_own_is_cross_validated_too(tmp_path):
    options = ["--name=synthetic", "--subject=2", "--preset=cnn:test", f"--workdir={tmp_path / 'run'}"]
    assert main(options) == 0
    (person,) = read(tmp_path / "run")["people"]
    assert list(person["cross_validation"]["by_repetition"]) == ["1", "2", "3", "4", "5", "6"]
    assert finjax.load(person["decoder"]).trained_on == {2: (1, 2, 3, 4, 5, 6)}
    assert person["cross_validation"]["accuracy"] > 2 / 17  # chance is one of seventeen


@pytest.mark.slow
def test_a_fit_is_not_resumed_from_a_decoder_that_was_replaced(fitted, tmp_path, capsys):
    one, two = (Path(person["decoder"]) for person in read(fitted / "run")["people"])
    shutil.copytree(two, tmp_path / "start")
    own = write_people(tmp_path / "own", subjects=("3",), repetitions=(1,), rate_hz=2048.0)
    arguments = [
        str(own),
        f"--from={tmp_path / 'start'}",
        f"--cache_dir={tmp_path / 'cache'}",
        f"--workdir={tmp_path / 'run'}",
    ]
    assert main(arguments) == 0
    assert main(arguments) == 0  # the same decoder
    shutil.rmtree(tmp_path / "start")
    shutil.copytree(one, tmp_path / "start")
    assert main(arguments) == 1
    assert "it had other from_parameters" in capsys.readouterr().err
