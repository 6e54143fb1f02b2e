"""Imported networks are runs like any other: configuration, tuning, live decoding, export."""

import dataclasses
import sys

import jax
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install torch")

from published import SMALL_CNN, SMALL_FIN, SSI, imported, random_cnn, random_fin, save, torch_output  # noqa: E402

from finjax.configs import default, fine_tune, recorded  # noqa: E402
from finjax.configs.parsing import data_settings, parse  # noqa: E402
from finjax.data.normalise import SignalNormaliser  # noqa: E402
from finjax.data.source import find_split  # noqa: E402
from finjax.data.synthetic import Settings, generate  # noqa: E402
from finjax.errors import CheckpointError, DataError  # noqa: E402
from finjax.inference import export  # noqa: E402
from finjax.inference.restored import load_decoder, load_fin  # noqa: E402
from finjax.interop.model_description import ModelDescription  # noqa: E402
from finjax.interop.torch_import import import_checkpoint  # noqa: E402
from finjax.live import LiveDecoder  # noqa: E402
from finjax.live.__main__ import main as live  # noqa: E402
from finjax.plots.__main__ import main as plots  # noqa: E402
from finjax.tasks import decoder  # noqa: E402
from finjax.tasks.compatibility import refuse_other_seen_subjects  # noqa: E402
from finjax.tasks.initial import initial_decoder  # noqa: E402
from finjax.tasks.task import Task  # noqa: E402


def test_the_configuration_has_the_fields_of_a_trained_one(tmp_path):
    # Code that compares or builds networks reads them.
    fin = imported(random_fin(**SMALL_FIN), tmp_path, SSI)
    trained = default.fin("ssi")
    assert set(fin.config.record["model"]) == set(trained.model)
    assert fin.config.data.filter == parse(trained).data.filter
    (tmp_path / "cnn").mkdir()
    cnn = imported(random_cnn(), tmp_path / "cnn", ModelDescription())
    assert set(cnn.config.record["cnn"]) == set(default.cnn().cnn)
    assert dataclasses.replace(cnn.config.cnn, dropout=0.3) == parse(default.cnn()).cnn


def test_an_imported_run_knows_no_subject(tmp_path):
    model = imported(random_fin(**SMALL_FIN), tmp_path, ModelDescription(target="ssi", dataset="synthetic", limit_sd=3))
    recording = generate(1, Settings(subjects=1, movement_s=0.8, rest_s=0.0))
    signal = recording.signal.astype(np.float64)
    expected = np.clip((signal - signal.mean(axis=0)) / signal.std(axis=0), -3, 3)
    np.testing.assert_allclose(model.normalise(recording), expected, rtol=1e-4, atol=1e-4)

    own = SignalNormaliser(
        subjects=np.array([0, 1], np.int32), mean=np.full((2, 12), 5.0), std=np.full((2, 12), 7.0), limit=np.inf
    )
    merged = own.with_rows_of(model.signal)
    np.testing.assert_array_equal(merged.mean, own.mean)
    np.testing.assert_array_equal(merged.std, own.std)
    assert merged.limit == 3
    assert model.trained_on == model.statistics_from == {} and model.mean_of_seen() is None


def test_the_subjects_of_the_training_are_stored_with_their_repetitions(tmp_path):
    # Ninapro's protocol: FINs train on repetitions 1, 3 and 4, and decoders are tuned to 6 besides.
    fin = imported(random_fin(**SMALL_FIN), tmp_path, ModelDescription(target="ssi", trained_on="1-3"))
    assert fin.trained_on == dict.fromkeys((1, 2, 3), (1, 3, 4))
    (tmp_path / "cnn").mkdir()
    cnn = imported(random_cnn(**SMALL_CNN), tmp_path / "cnn", ModelDescription(features="rms,ent", trained_on="7"))
    assert cnn.trained_on == {7: (1, 3, 4, 6)} and cnn.subjects == (7,)


@pytest.fixture
def system(tmp_path):
    """FINs and CNN of torch, and the task of tuning them together from where they were imported to."""
    fins = {name: random_fin(seed=number, **SMALL_FIN) for number, name in enumerate(("rms", "ent"))}
    cnn = random_cnn(**SMALL_CNN)
    settings = {"dataset": "synthetic", "window": "20ms"}
    standardisation = {"rms": ("0.7", "0.4"), "ent": ("3.5", "0.3")}
    for name, network in fins.items():
        mean, std = standardisation[name]
        description = ModelDescription(target=name, mean=mean, std=std, **settings)
        import_checkpoint(save(network, tmp_path), tmp_path / f"fin_{name}", description)
    description = ModelDescription(features="rms,ent", mean="0.9,3.4", std="0.5,0.2", **settings)
    import_checkpoint(save(cnn, tmp_path), tmp_path / "cnn", description)

    config = fine_tune.get_config()
    config.features = "rms,ent"
    config.window, config.step, config.limit_sd = "20ms", "100ms", 0.0
    config.statistics = "unlabelled"  # imported networks know nobody's
    config.data.synthetic.subjects, config.data.synthetic.movement_s, config.data.synthetic.rest_s = 1, 0.8, 0.0
    config.data.seen_subjects = "1"
    config.model.update(hidden=4, layers=2, shadows=3, patch_size=1)
    config.cnn.update(filters=(6, 5))
    config.train.batch_size, config.train.max_steps = 8, 1
    config.validation_share, config.log.tensorboard = 0.0, False
    config.fine_tune.fins, config.fine_tune.cnn_init = str(tmp_path / "fin_{feature}"), str(tmp_path / "cnn")
    return fins, cnn, Task.load(parse(config), horizon=0, subjects=(1,))


@pytest.mark.slow
def test_fins_and_cnn_together_compute_what_torch_does(system):
    fins, cnn, task = system
    nothing = task.part("tune")[:0]
    start = initial_decoder(task, nothing, share=nothing)
    windows = np.random.default_rng(0).normal(size=(6, 12, 40)).astype(np.float32)
    # The FINs' features in the unit of each, then standardised as the CNN's input was.
    to_unit, to_cnn = {"rms": (0.7, 0.4), "ent": (3.5, 0.3)}, {"rms": (0.9, 0.5), "ent": (3.4, 0.2)}
    imitated = []
    for name, network in fins.items():
        output = torch_output(network, windows.reshape(72, 40, 1)).reshape(6, 12, 3)  # [B × C, S] → [B, C, S]
        mean, std = to_unit[name]
        imitated.append((output * std + mean - to_cnn[name][0]) / to_cnn[name][1])
    expected = torch_output(cnn, np.stack(imitated, axis=1))  # [B, F, C, S] → [B, K]
    np.testing.assert_allclose(
        start.decoder.predict(start.params, start.stats, windows), expected, rtol=1e-4, atol=1e-4
    )


@pytest.mark.slow
def test_tuning_starts_from_imported_networks(system, tmp_path):
    _, _, task = system
    decoder.train(task, tmp_path / "tuned")
    tuned, cnn = load_decoder(tmp_path / "tuned"), load_decoder(tmp_path / "cnn")
    assert tuned.step == 1
    before, after = cnn.params["cnn"]["conv_1"]["kernel"], tuned.params["cnn"]["conv_1"]["kernel"]
    # Adam's first step moves each weight by the learning rate, or not at all, if L2 is left aside.
    assert 0 < np.abs(after - before).max() <= 1.01 * task.settings.optimiser.cnn.learning_rate
    forward = load_fin(tmp_path / "fin_ent").params["lstm_0"]["kernel"]
    moved = tuned.params["fins"]["lstm_0"]["kernel"][1] - forward  # [C, 2, 1, 4H]
    assert 0 < np.abs(moved).max() <= 1.01 * task.settings.optimiser.fin.learning_rate
    assert len(decoder.evaluate(task, tmp_path / "tuned")) == 1


@pytest.fixture
def nobodys(tmp_path, monkeypatch):
    """A CNN that was imported without whom it was trained on, and short recordings of synthetic people."""
    description = ModelDescription(dataset="synthetic", features="rms,wl", window="20ms", step="50ms")
    import_checkpoint(save(random_cnn(**SMALL_CNN), tmp_path), tmp_path / "cnn", description)
    short = Settings(subjects=6, movement_s=0.8, rest_s=0.0)
    monkeypatch.setattr("finjax.data.synthetic.generate", lambda subject, settings: generate(subject, short))
    return tmp_path / "cnn"


@pytest.mark.slow
@pytest.mark.parametrize("program", ["live", "sheet"])
def test_programs_that_need_a_person_ask_for_one(nobodys, tmp_path, capsys, program):
    main = {"live": live, "sheet": plots}[program]
    arguments = {"live": [str(nobodys), "--quiet"], "sheet": ["sheet", str(tmp_path / "sheet.png"), str(nobodys)]}
    assert main(arguments[program]) == 1
    if program == "live":
        assert "the decoder has no z-score" in capsys.readouterr().err
        assert main([str(nobodys), "--quiet", "--subject=2"]) == 1
        assert "the decoder has no z-score" in capsys.readouterr().err
    else:
        assert "error: the checkpoint does not say which subject this decoder was made for" in capsys.readouterr().err
        assert main([*arguments[program], "--subject=2"]) == 0
        assert (tmp_path / "sheet.png").exists()


@pytest.mark.slow
def test_an_imported_decoder_is_calibrated_with_the_defaults_of_its_stage(nobodys):
    model = load_decoder(nobodys)
    defaults = parse(default.cnn())
    assert (model.config.train, model.config.optimiser) == (defaults.train, defaults.optimiser)
    short = dataclasses.replace(model.config.train, max_epochs=1, batch_size=300)
    model = dataclasses.replace(model, config=dataclasses.replace(model.config, train=short))
    recording = generate(1, Settings(subjects=1, movement_s=0.8, rest_s=0.0))
    few = recording.movement < 2
    decoder = LiveDecoder(model)
    with pytest.raises(DataError, match="has no z-score"):
        decoder.push(recording.signal[:1000])
    decoder.calibrate(recording.signal[few], recording.movement[few], progress=False)
    assert len(decoder.push(recording.signal[:1000])) > 0


def test_an_imported_model_is_exported(nobodys, tmp_path):
    exported = export.export_model(nobodys, tmp_path / "model.finjax", platforms=("cpu",))
    windows = np.random.default_rng(0).normal(size=(3, 12, 40)).astype(np.float32)
    with jax.numpy_rank_promotion("allow"):  # a standardisation [F] of values [B, C, F]
        np.testing.assert_allclose(exported.run(windows), load_decoder(nobodys).logits(windows), rtol=1e-4, atol=1e-4)


def test_a_split_with_seen_subjects_needs_an_imported_fin_that_names_them(tmp_path):
    description = ModelDescription(target="rms", dataset="synthetic")
    import_checkpoint(save(random_fin(**SMALL_FIN), tmp_path), tmp_path / "fin", description)
    config = recorded.get_config(str(tmp_path / "fin/config.json"))
    assert set(config) == set(default.fin("rms"))
    with pytest.raises(CheckpointError, match=r"subjects 1-4 seen, but the checkpoint does not say .*--trained_on"):
        refuse_other_seen_subjects(load_fin(tmp_path / "fin"), find_split(data_settings(config.data)))


def test_plugins_of_an_import_are_those_of_its_runs(tmp_path, monkeypatch):
    (tmp_path / "imported_lab.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    description = ModelDescription(target="rms", plugins="imported_lab")
    assert imported(random_fin(**SMALL_FIN), tmp_path, description).config.plugins == "imported_lab"
    assert "imported_lab" in sys.modules
