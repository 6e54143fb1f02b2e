"""Imported checkpoints against torch's own modules, and what is said of files that are something else."""

import pickle
import sys
import zipfile

import jax
import numpy as np
import pytest
from rounding import assert_close

torch = pytest.importorskip("torch", reason="torch is not installed: pip install torch")

from published import random_cnn, random_fin  # noqa: E402

import finjax  # noqa: E402
from finjax.configs import default, fine_tune, recorded  # noqa: E402
from finjax.configs.settings import data_settings, parse  # noqa: E402
from finjax.data.normalise import SignalNormaliser  # noqa: E402
from finjax.data.source import find_split  # noqa: E402
from finjax.data.synthetic import Settings, generate  # noqa: E402
from finjax.errors import CheckpointError, ConfigError, DataError, FinjaxError  # noqa: E402
from finjax.inference import export  # noqa: E402
from finjax.inference.restored import load_decoder, load_fin  # noqa: E402
from finjax.interop import torch_weights  # noqa: E402
from finjax.interop.torch_checkpoint import Surroundings, import_checkpoint, main  # noqa: E402
from finjax.interop.torch_weights import read_state_dict  # noqa: E402
from finjax.live import LiveDecoder  # noqa: E402
from finjax.live.__main__ import main as live  # noqa: E402
from finjax.plots.__main__ import main as plots  # noqa: E402
from finjax.tasks import decoder  # noqa: E402
from finjax.tasks.compatibility import refuse_other_claims  # noqa: E402
from finjax.tasks.initial import initial_decoder  # noqa: E402
from finjax.tasks.task import Task  # noqa: E402
from finjax.training.checkpoints import has_checkpoint  # noqa: E402

SSI = Surroundings(target="ssi")
SMALL_FIN = {"hidden": 4, "layers": 2, "shadows": 3}
SMALL_CNN = {"features": 2, "shadows": 3, "filters": (6, 5)}


def save(content, folder, name="in.pth"):
    path = folder / name
    torch.save(content.state_dict() if isinstance(content, torch.nn.Module) else content, path)
    return path


def imported(content, folder, around):
    import_checkpoint(save(content, folder), folder / "out", around)
    return finjax.load(folder / "out")


def torch_output(network, *inputs):
    with torch.no_grad():
        return network(*(torch.from_numpy(np.asarray(x, np.float32)) for x in inputs)).numpy()


# --- The same numbers -----------------------------------------------------------------------------


@pytest.mark.numerics
@pytest.mark.parametrize("sizes", [{}, {"hidden": 5, "layers": 1, "shadows": 2}, {"hidden": 8, "layers": 4}])
def test_a_fin_computes_what_torch_does(tmp_path, sizes):
    network = random_fin(**sizes)
    model = imported(network, tmp_path, SSI)
    windows = np.random.default_rng(0).normal(size=(7, 600))
    layers = sizes.get("layers", 3)
    assert_close(model.apply(windows), torch_output(network, windows[..., None]), terms=layers * 600)
    assert (model.target, model.dataset, model.rate_hz, model.framing.length) == ("ssi", "ninapro_db2", 2000.0, 600)


# The last is narrower than the kernels: they shrink.
@pytest.mark.numerics
@pytest.mark.parametrize(
    ("dataset", "sizes"),
    [
        ("ninapro_db2", {}),
        ("three_dc", {"channels": 10, "classes": 11}),
        ("synthetic", {"filters": (6, 5), "shadows": 3, "kernel": 4}),
    ],
)
def test_a_cnn_computes_what_torch_does(tmp_path, dataset, sizes):
    network = random_cnn(**sizes)
    model = imported(network, tmp_path, Surroundings(dataset=dataset))
    shape = (9, sizes.get("channels", 12), sizes.get("shadows", 12), 4)
    features = np.random.default_rng(0).normal(size=shape).astype(np.float32)  # [B, C, S, F]
    logits = model.decoder.predict(model.params, model.stats, features)
    expected = torch_output(network, features.transpose(0, 3, 1, 2))
    assert_close(logits, expected, terms=1000)  # a convolution sums some hundred products
    assert model.features == ("rms", "var", "ssi", "ent")
    assert len(model.movement_names) == sizes.get("classes", 17)


@pytest.mark.numerics
def test_mean_and_deviation_are_those_of_the_features(tmp_path):
    fin = imported(random_fin(**SMALL_FIN), tmp_path, Surroundings(target="rms", mean="-0.5", std="2"))
    windows = np.random.default_rng(0).normal(size=(3, 600))
    np.testing.assert_allclose(fin(windows), fin.apply(windows)[:, 0] * 2 - 0.5, rtol=1e-6)

    (tmp_path / "cnn").mkdir()
    around = Surroundings(features="wl,rms", mean="300,0.5", std="100, 0.2")
    network = random_cnn(**SMALL_CNN)
    cnn = imported(network, tmp_path / "cnn", around)
    windows = np.random.default_rng(0).normal(size=(5, 12, 600))
    rms, wl = np.sqrt(np.mean(windows**2, axis=-1)), np.abs(np.diff(windows, axis=-1)).sum(axis=-1)
    features = np.stack([(wl - 300) / 100, (rms - 0.5) / 0.2], axis=1)  # [B, F, C]
    expected = torch_output(network, np.repeat(features[..., None], 3, axis=-1))
    with jax.numpy_rank_promotion("allow"):  # a standardisation [F] of values [B, C, F]
        assert_close(cnn.logits(windows), expected, terms=3000)  # of a sum of 600 samples, divided by 100


@pytest.mark.parametrize("make", [random_fin, random_cnn])
def test_wrapped_and_prefixed_state_dicts_are_the_same(tmp_path, make):
    weights = make().state_dict()
    prefixed = {f"module.{name}": tensor for name, tensor in weights.items()}
    double = {name: tensor.double() if tensor.is_floating_point() else tensor for name, tensor in weights.items()}
    around = SSI if make is random_fin else Surroundings()
    models = []
    for content in (weights, {"epoch": 3, "state_dict": weights}, {"model_state_dict": prefixed, "loss": 0.1}, double):
        folder = tmp_path / str(len(models))
        folder.mkdir()
        models.append(imported(content, folder, around))
    for other in models[1:]:
        jax.tree.map(np.testing.assert_array_equal, other.params, models[0].params)


# --- A run as any other ---------------------------------------------------------------------------


def test_the_configuration_has_the_fields_of_a_trained_one(tmp_path):
    # What compares or builds networks reads them.
    fin = imported(random_fin(**SMALL_FIN), tmp_path, SSI)
    trained = default.fin("ssi")
    assert set(fin.config.model) == set(trained.model)
    assert fin.config.data.filter == trained.data.filter
    (tmp_path / "cnn").mkdir()
    cnn = imported(random_cnn(), tmp_path / "cnn", Surroundings())
    assert set(cnn.config.cnn) == set(default.cnn().cnn)
    assert {**cnn.config.cnn, "dropout": 0.3} == default.cnn().cnn.to_dict()


def test_it_knows_no_subject(tmp_path):
    model = imported(random_fin(**SMALL_FIN), tmp_path, Surroundings(target="ssi", dataset="synthetic", limit_sd=3))
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


def test_subjects_it_was_trained_on_are_stored_with_their_repetitions(tmp_path):
    # Ninapro's protocol: FINs train on repetitions 1, 3 and 4, and decoders are tuned to 6 besides.
    fin = imported(random_fin(**SMALL_FIN), tmp_path, Surroundings(target="ssi", trained_on="1-3"))
    assert fin.trained_on == dict.fromkeys((1, 2, 3), (1, 3, 4))
    (tmp_path / "cnn").mkdir()
    cnn = imported(random_cnn(**SMALL_CNN), tmp_path / "cnn", Surroundings(features="rms,ent", trained_on="7"))
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
        around = Surroundings(target=name, mean=mean, std=std, **settings)
        import_checkpoint(save(network, tmp_path), tmp_path / f"fin_{name}", around)
    around = Surroundings(features="rms,ent", mean="0.9,3.4", std="0.5,0.2", **settings)
    import_checkpoint(save(cnn, tmp_path), tmp_path / "cnn", around)

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


def test_the_system_put_together_computes_what_torch_does(system):
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


def test_tuning_starts_from_imported_networks(system, tmp_path):
    _, _, task = system
    decoder.train(task, tmp_path / "tuned")
    tuned, cnn = load_decoder(tmp_path / "tuned"), load_decoder(tmp_path / "cnn")
    assert tuned.step == 1
    before, after = cnn.params["cnn"]["conv_1"]["kernel"], tuned.params["cnn"]["conv_1"]["kernel"]
    # Adam's first step moves each weight by the learning rate, or not at all, if L2 is left aside.
    assert 0 < np.abs(after - before).max() <= 1.01 * task.config.optimiser.cnn.learning_rate
    forward = load_fin(tmp_path / "fin_ent").params["lstm_0"]["kernel"]
    moved = tuned.params["fins"]["lstm_0"]["kernel"][1] - forward  # [C, 2, 1, 4H]
    assert 0 < np.abs(moved).max() <= 1.01 * task.config.optimiser.fin.learning_rate
    assert len(decoder.evaluate(task, tmp_path / "tuned")) == 1


@pytest.fixture
def nobodys(tmp_path, monkeypatch):
    """A CNN that was imported without whom it was trained on, and short recordings of synthetic people."""
    around = Surroundings(dataset="synthetic", features="rms,wl", window="20ms", step="50ms")
    import_checkpoint(save(random_cnn(**SMALL_CNN), tmp_path), tmp_path / "cnn", around)
    short = Settings(subjects=6, movement_s=0.8, rest_s=0.0)
    monkeypatch.setattr("finjax.data.synthetic.generate", lambda subject, settings: generate(subject, short))
    return tmp_path / "cnn"


@pytest.mark.parametrize("program", ["live", "sheet"])
def test_what_needs_a_person_asks_for_one(nobodys, tmp_path, capsys, program):
    main = {"live": live, "sheet": plots}[program]
    arguments = {"live": [str(nobodys), "--quiet"], "sheet": ["sheet", str(tmp_path / "sheet.png"), str(nobodys)]}
    assert main(arguments[program]) == 1
    if program == "live":
        assert "the decoder holds nobody's z-score" in capsys.readouterr().err
        assert main([str(nobodys), "--quiet", "--subject=2"]) == 1
        assert "the decoder holds nobody's z-score" in capsys.readouterr().err
    else:
        assert "error: the checkpoint does not say whom this decoder was made for" in capsys.readouterr().err
        assert main([*arguments[program], "--subject=2"]) == 0
        assert (tmp_path / "sheet.png").exists()


def test_an_imported_decoder_is_calibrated_with_the_defaults_of_its_stage(nobodys):
    model = load_decoder(nobodys)
    default_config = default.cnn()
    assert (model.config.train, model.config.optimiser) == (default_config.train, default_config.optimiser)
    model.config.train.max_epochs, model.config.train.batch_size = 1, 300
    recording = generate(1, Settings(subjects=1, movement_s=0.8, rest_s=0.0))
    few = recording.movement < 2
    decoder = LiveDecoder(model)
    with pytest.raises(DataError, match="holds nobody's z-score"):
        decoder.push(recording.signal[:1000])
    decoder.calibrate(recording.signal[few], recording.movement[few], progress=False)
    assert len(decoder.push(recording.signal[:1000])) > 0


def test_an_imported_model_is_exported(nobodys, tmp_path):
    exported = export.export_model(nobodys, tmp_path / "model.finjax", platforms=("cpu",))
    windows = np.random.default_rng(0).normal(size=(3, 12, 40)).astype(np.float32)
    with jax.numpy_rank_promotion("allow"):  # a standardisation [F] of values [B, C, F]
        np.testing.assert_allclose(exported.run(windows), load_decoder(nobodys).logits(windows), rtol=1e-4, atol=1e-4)


def test_an_imported_fin_does_not_pass_anyone_off_as_seen(tmp_path):
    around = Surroundings(target="rms", dataset="synthetic")
    import_checkpoint(save(random_fin(**SMALL_FIN), tmp_path), tmp_path / "fin", around)
    config = recorded.get_config(str(tmp_path / "fin/config.json"))
    assert set(config) == set(default.fin("rms"))
    with pytest.raises(CheckpointError, match=r"subjects 1-4 seen, and the checkpoint does not say .*--trained_on"):
        refuse_other_claims(load_fin(tmp_path / "fin"), find_split(data_settings(config.data)))


def test_plugins_of_an_import_are_those_of_its_runs(tmp_path, monkeypatch):
    (tmp_path / "imported_lab.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    around = Surroundings(target="rms", plugins="imported_lab")
    assert imported(random_fin(**SMALL_FIN), tmp_path, around).config.plugins == "imported_lab"
    assert "imported_lab" in sys.modules


# --- Files that are something else ----------------------------------------------------------------


class Malicious:
    """Runs a command when it is unpickled."""

    def __init__(self, command: str):
        self.command = command

    def __reduce__(self):
        import os

        return os.system, (self.command,)


def pickle_alone(content, path):
    path.write_bytes(pickle.dumps(content, protocol=2))


@pytest.mark.parametrize("write", [torch.save, pickle_alone])
def test_code_in_a_file_is_not_run(tmp_path, write):
    trace, path = tmp_path / "it_ran", tmp_path / "in.pth"
    write({"state_dict": {}, "extra": Malicious(f"touch {trace}")}, path)
    with pytest.raises(CheckpointError, match=r"in\.pth: it is damaged or holds more than tensors \(it names .*system"):
        import_checkpoint(path, tmp_path / "out", SSI)
    assert not trace.exists()
    torch.load(path, weights_only=False) if write is torch.save else pickle.loads(path.read_bytes())
    assert trace.exists()  # the file was what it was meant to be


def test_a_pickled_network_is_refused(tmp_path):
    torch.save(random_cnn(**SMALL_CNN), tmp_path / "whole.pth")
    with pytest.raises(CheckpointError, match=r"names benchmarks.rival.TorchCNN.*torch.save\(model.state_dict\(\)"):
        import_checkpoint(tmp_path / "whole.pth", tmp_path / "out", Surroundings())
    assert not has_checkpoint(tmp_path / "out")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1, 2], "holds no state dict, nor one as state_dict or model_state_dict, but list"),
        ({"model": {}, "epoch": 1}, "but model, epoch: save one with"),
        ({}, "here are none of these, among nothing"),
        ({"weight": torch.zeros(2)}, "one conv1.weight; here are none of these, among weight"),
        ({"a.conv1.weight": torch.zeros(2), "b.conv1.weight": torch.zeros(2)}, "here are 2 of these"),
        ({"conv1.weight": torch.tensor(float("nan"))}, "not finite, in conv1.weight"),
        ({"conv1.weight": torch.zeros(2)}, "not the published CNN: conv1.weight is 2, where it must have 4 dimensions"),
        ({"conv1.weight": torch.zeros(2, 2, 1, 1)}, "it lacks conv2.weight and holds conv1.weight"),
    ],
)
def test_what_is_no_state_dict_of_either_network_is_refused(tmp_path, content, message):
    with pytest.raises(CheckpointError, match=message):
        import_checkpoint(save(content, tmp_path), tmp_path / "out", SSI)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lstm.weight_ih_l1_reverse": (16, 4)}, "l1_reverse is 16 × 4, and must be 16 × 8 where lstm.weight_hh_l0 is"),
        ({"lstm.weight_ih_l0": (16, 3)}, "lstm.weight_ih_l0 is 16 × 3, and must be 16 × 1"),
        ({"fc1.weight": (3, 8)}, r"fc1.weight is 3 × 8, and must be 3 × 4 where .*, fc1.weight is 3 × 8"),
        ({"fc1.bias": (2,)}, "fc1.bias is 2, and must be 3"),
        ({"lstm.bias_ih_l0_reverse": None}, "lacks lstm.bias_ih_l0_reverse"),
        ({"fc1.weight": None}, "not the published FIN: it lacks fc1.weight"),
        ({"fc2.weight": (1,), "attention.weight": (1,)}, "holds attention.weight, fc2.weight besides"),
    ],
)
def test_what_is_not_quite_the_fin_is_refused(tmp_path, changes, message):
    with pytest.raises(CheckpointError, match=message):
        import_checkpoint(save(changed(random_fin(**SMALL_FIN), changes), tmp_path), tmp_path / "out", SSI)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"conv2.weight": (32, 60, 5, 5)}, "conv2.weight is 32 × 60 × 5 × 5, and must be 32 × 64 × 5 × 5 where conv1"),
        ({"batchnorm1.running_var": (1,)}, "batchnorm1.running_var is 1, and must be 64"),
        ({"prelu1.weight": (64,)}, "prelu1.weight is 64, and must be 1"),
        ({"conv1.weight": (64, 4, 3, 3)}, "kernels are 3 × 3, 5 × 5, 4 × 4; of the first two, both must be 5 × 5"),
        ({"fc.weight": (1,)}, "holds fc.weight besides"),
    ],
)
def test_what_is_not_quite_the_cnn_is_refused(tmp_path, changes, message):
    with pytest.raises(CheckpointError, match=message):
        import_checkpoint(save(changed(random_cnn(), changes), tmp_path), tmp_path / "out", Surroundings())


def changed(network, changes):
    """Returns the state dict with tensors of other shapes, or without them."""
    weights = dict(network.state_dict())
    for name, shape in changes.items():
        weights.pop(name, None)
        if shape is not None:
            weights[name] = torch.zeros(shape)
    return weights


@pytest.mark.parametrize(
    ("around", "error", "message"),
    [
        ({"dataset": "three_dc"}, CheckpointError, "made for 17 movements, and dataset three_dc has 11"),
        ({"features": "rms,var"}, CheckpointError, "made for 4 features, and --features=rms,var names 2"),
        ({"features": "rms,var,ssi,entropy"}, ConfigError, "unknown entropy; known are ent, rms"),
        ({"features": "rms,var,ssi,rms"}, ConfigError, "give each feature once"),
        ({"target": "ssi"}, ConfigError, "holds a CNN: describe it by --features alone"),
        ({"mean": "1,2"}, ConfigError, "--mean=1,2: give 4 numbers, for 4 features"),
        ({"std": "1,2,0,1"}, ConfigError, "--std=1,2,0,1: give 4 numbers above 0"),
        ({"std": "one"}, ConfigError, "--std=one: give 4 numbers above 0"),
        ({"limit_sd": -1.0}, ConfigError, "--limit_sd=-1.0: give a number of 0 or more"),
        ({"prediction": -1}, ConfigError, "--prediction=-1"),
        ({"window": "0.2ms"}, ConfigError, "0.4 samples"),
        ({"dataset": "ninapro_db9"}, DataError, "unknown dataset 'ninapro_db9'"),
    ],
)
def test_surroundings_that_do_not_fit_are_refused(tmp_path, around, error, message):
    with pytest.raises(error, match=message):
        import_checkpoint(save(random_cnn(), tmp_path), tmp_path / "out", Surroundings(**around))
    assert not (tmp_path / "out").exists()


def test_channels_that_the_dataset_does_not_have_are_refused(tmp_path):
    path = save(random_cnn(channels=10, classes=17), tmp_path)
    with pytest.raises(CheckpointError, match="made for 10 channels, and dataset ninapro_db2 has 12"):
        import_checkpoint(path, tmp_path / "out", Surroundings())


# --- The command line -----------------------------------------------------------------------------


def test_the_command_writes_a_run_and_warns(tmp_path, capsys):
    path, out = save(random_fin(**SMALL_FIN), tmp_path), tmp_path / "fin_ssi"
    command = [str(path), str(out), "--target=ssi", "--dataset=synthetic", "--prediction=3", "--mean=600", "--std=250"]
    assert main(command) == 0
    printed = capsys.readouterr()
    assert "cannot know whom the imported model was trained on" in printed.err
    assert f"wrote {out}: FIN with hidden 4, layers 2, shadows 3" in printed.out
    assert (out / "config.json").is_file()
    model = load_fin(out, step="best")
    assert (model.horizon_ms, float(model.feature.mean), float(model.feature.std)) == (30.0, 600.0, 250.0)

    assert main(command) == 1
    assert f"error: {out} holds a run already: choose another folder" in capsys.readouterr().err
    assert main([*command[:1], str(tmp_path / "other"), *command[2:], "--trained_on=1-4"]) == 0
    assert "warning" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "error: the file holds a FIN: say which feature it imitates, as --target=ssi"),
        (["--target=ssi,rms"], "error: --target=ssi,rms: give one feature"),
        (["--target=ssi", "--features=rms"], "error: the file holds a FIN: describe it by --target alone"),
        (["--target=ssi", "--window=soon"], "error: --window='soon': give milliseconds"),
        (["--target=ssi", "--trained_on=all"], "error: 'all' in 'all' is neither a number nor a range"),
        (["--target=ssi", "--plugins=no_such_module"], "error: --plugins=no_such_module: importing"),
    ],
)
def test_the_command_says_what_is_wrong(tmp_path, capsys, options, message):
    path = save(random_fin(**SMALL_FIN), tmp_path)
    assert main([str(path), str(tmp_path / "out"), *options]) == 1
    assert capsys.readouterr().err.startswith(message)


def test_a_file_that_is_not_there_or_damaged_is_named(tmp_path, capsys):
    assert main([str(tmp_path / "nowhere.pth"), str(tmp_path / "out"), "--target=ssi"]) == 1
    assert capsys.readouterr().err == f"error: {tmp_path / 'nowhere.pth'}: No such file or directory\n"
    path = save(random_fin(**SMALL_FIN), tmp_path)
    path.write_bytes(path.read_bytes()[:1000])
    assert main([str(path), str(tmp_path / "out"), "--target=ssi"]) == 1
    assert f"error: {path}: it is damaged or holds more than tensors, and finjax" in capsys.readouterr().err


def test_without_torch_it_says_how_to_get_it(tmp_path, monkeypatch):
    path = save(random_fin(**SMALL_FIN), tmp_path)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(FinjaxError, match="pip install torch"):
        read_state_dict(path)


def test_a_torch_that_could_be_made_to_run_code_is_refused(tmp_path, monkeypatch):
    path = save(random_fin(**SMALL_FIN), tmp_path)
    monkeypatch.setattr(torch, "__version__", type(torch.__version__)("2.5.1"))
    with pytest.raises(FinjaxError, match="torch 2.5.1 can be made to run code .* 'torch>=2.6'"):
        read_state_dict(path)


def test_a_view_without_end_is_refused(tmp_path):
    path = save({"lstm.weight_ih_l0": torch.ones(1).expand(10**9, 1000)}, tmp_path)
    assert path.stat().st_size < 10_000
    with pytest.raises(CheckpointError, match="more than 67108864 numbers in lstm.weight_ih_l0"):
        read_state_dict(path)


def test_an_archive_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "in.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(3):
            archive.writestr(f"archive/data/{number}", bytes(3000))
    monkeypatch.setattr(torch_weights, "LARGEST", 1000)
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("read"))
    with pytest.raises(CheckpointError, match="would unpack to 9000 bytes"):
        read_state_dict(path)
