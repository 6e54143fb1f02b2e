"""A user's own dataset and feature, from one module, through the whole program."""

import dataclasses
import json
import pickle
import re
import sys

import numpy as np
import pytest
from conftest import ROOT, run_main

import finjax
from finjax import features
from finjax.configs import cnn
from finjax.data import registry
from finjax.errors import ConfigError, DataError
from finjax.inference import export, restored
from finjax.live import LiveDecoder
from finjax.live.__main__ import main as live
from finjax.plots.__main__ import main as plots
from finjax.run import run
from finjax.training.checkpoints import read_model

CLINIC = """
import jax.numpy as jnp
import numpy as np
from finjax import features
from finjax.data.registry import DatasetSpec, Piece, Splits, register

def read(paths):
    for path in paths:
        table = np.load(path)
        yield Piece(signal=table["emg"], movement=table["movement"], repetition=table["repetition"])

splits = Splits(seen_subjects="1", train_repetitions="1", test_repetitions="2")
register(DatasetSpec(name="clinic", rate_hz=1000.0, channel_names=("a", "b"), movement_names=("rest", "grip"),
    files=(r"patient(\\d+)_\\d\\.npz",), read=read, splits=splits))
features.register(features.Feature(name="fourth_power", label="mean fourth power",
    direct=lambda x: jnp.mean(jnp.asarray(x) ** 4, axis=-1), terms=lambda x: [x**4],
    finish=lambda sums, length: sums[0] / length))
"""


@pytest.fixture(scope="module")
def clinic(tmp_path_factory):
    """A folder with the plugin `clinic.py` and the run of a decoder of patient 1, and what forgets the plugin."""
    folder, rng = tmp_path_factory.mktemp("clinic"), np.random.default_rng(0)
    (folder / "clinic.py").write_text(CLINIC)
    for session in (1, 2):
        emg = rng.normal(size=(2000, 2)) * np.repeat([1.0, 3.0], 1000)[:, None]
        labels = {"movement": np.repeat([0, 1], 1000), "repetition": np.full(2000, session)}
        np.savez(folder / f"patient1_{session}.npz", emg=emg, **labels)
    config = cnn.get_config("test")
    config.plugins, config.data.name, config.features = "clinic", "clinic", "fourth_power,rms"
    config.data.dir, config.data.cache_dir = str(folder), str(folder / "cache")
    config.train.max_epochs, config.log.tensorboard = 1, False
    config.cnn.update(filters=(2, 2), kernel=2, shadows=2)
    config.step, config.validation_share = "100ms", 0.0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "_DATASETS", dict(registry._DATASETS))
        patch.setattr(features.registry, "_REGISTRY", dict(features.registry._REGISTRY))
        patch.syspath_prepend(folder)
        run(config, workdir=folder / "run")

        def forget():
            """Makes this process like one that has imported no plugin."""
            sys.modules.pop("clinic", None)
            registry._DATASETS.pop("clinic", None)
            features.registry._REGISTRY.pop("fourth_power", None)

        yield folder, forget
        forget()


@pytest.mark.slow
@pytest.mark.parametrize("use", ["load", "live", "sheet", "export"])
def test_a_model_brings_its_plugins(clinic, capsys, use):
    folder, forget = clinic
    forget()
    decoder = str(folder / "run/subject_1")
    if use == "load":
        assert finjax.load(decoder).logits(np.zeros((1, 2, 300))).shape == (1, 2)
    elif use == "live":
        assert live([decoder, "--speed=0", "--quiet", "--calibrate=1"]) == 0, capsys.readouterr().err
    elif use == "sheet":
        assert plots(["sheet", str(folder / "sheet.png"), decoder]) == 0, capsys.readouterr().err
    else:
        model = export.export_model(decoder, folder / "model.finjax", platforms=("cpu",))
        assert model.dataset == "clinic" and model.run(np.zeros((1, 2, 300))).shape == (1, 2)


def test_a_copy_of_a_decoder_in_another_process_brings_its_plugins(clinic):
    folder, forget = clinic
    content = pickle.dumps(LiveDecoder(folder / "run/subject_1"))
    forget()
    decoder = pickle.loads(content)
    assert len(decoder._decode(np.zeros((2, 300)))) == 2


def test_each_program_names_its_own_option_for_a_missing_folder(clinic, capsys):
    folder, forget = clinic
    forget()
    decoder = str(folder / "run/subject_1")
    assert live([decoder, "--data=/nowhere", "--quiet"]) == 1
    assert capsys.readouterr().err == "error: no such folder: /nowhere (--data).\n"
    assert plots(["sheet", str(folder / "sheet.png"), decoder, "--dir=/nowhere"]) == 1
    assert capsys.readouterr().err == "error: no such folder: /nowhere (--dir).\n"


def test_a_plugin_that_is_not_there_is_a_warning_until_it_is_needed(clinic, monkeypatch, capsys, caplog):
    """Loading needs no plugin. The CNN on closed-form features does, and so does reading the dataset."""
    folder, forget = clinic
    forget()
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path != str(folder)])
    model = finjax.load(folder / "run/subject_1")
    (warning,) = (record.getMessage() for record in caplog.records if record.levelname == "WARNING")
    assert re.fullmatch(
        r"the model in .*subject_1 cannot use its dataset clinic or feature fourth_power: importing "
        r"clinic: .*No module named 'clinic'. Add the folder that contains clinic to PYTHONPATH",
        warning,
    )
    with pytest.raises(ConfigError, match="unknown feature 'fourth_power'.*--config.plugins"):
        model.logits(np.zeros((1, 2, 300)))
    assert live([str(folder / "run/subject_1"), "--quiet"]) == 1
    assert re.search("^error: unknown (dataset|feature) .*--config.plugins", capsys.readouterr().err, re.MULTILINE)


@pytest.mark.slow
def test_a_network_on_samples_works_without_its_plugin(finished_run, monkeypatch, caplog):
    """Here a FIN, of a dataset that only a plugin knows; another plugin of it fails on two lines."""

    def of_another_clinic(*where, **settings):
        saved = read_model(*where, **settings)
        config = {**saved.info["config"], "plugins": "no_such_plugin, plugin_that_fails"}
        return dataclasses.replace(saved, info={**saved.info, "dataset": "another_clinic", "config": config})

    def fail(name):
        raise ImportError("first line\nsecond line") if name == "plugin_that_fails" else ModuleNotFoundError(name=name)

    monkeypatch.setattr(restored, "read_model", of_another_clinic)
    monkeypatch.setattr("finjax.system.plugins.importlib.import_module", fail)
    model = finjax.load(finished_run[0])
    assert model(np.ones((2, 600))).shape == (2,)
    (warning,) = (record.getMessage() for record in caplog.records if record.levelname == "WARNING")
    assert "cannot use its dataset another_clinic: " in warning and "\n" not in warning
    assert "no_such_plugin" in warning and "first line second line" in warning
    with pytest.raises(DataError, match="unknown dataset 'another_clinic'.*--config.plugins"):
        registry.get_spec(model.dataset)


@pytest.mark.slow
def test_own_dataset_and_feature(tmp_path):
    rng = np.random.default_rng(0)
    for subject in (1, 2):
        for session in (1, 2):
            np.savez(
                tmp_path / f"subject{subject}_session{session}.npz",
                emg=rng.normal(size=(4000, 2)),
                movement=np.repeat([0, 1], 2000),
                repetition=np.full(4000, session),
            )
    run_main(
        f"--config={ROOT}/configs/fin_ssi.py:test",
        f"--workdir={tmp_path}/run",
        "--config.plugins=examples.my_lab",
        "--config.data.name=my_lab",
        f"--config.data.dir={tmp_path}",
        f"--config.data.cache_dir={tmp_path}/cache",
        "--config.target=peak_power",
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
    )
    metrics = json.loads((tmp_path / "run/eval/metrics.json").read_text())
    assert (metrics["target"], metrics["dataset"]) == ("peak_power", "my_lab")
    # 2 segments of 2 s in the test session; windows of 300 every 10 samples.
    assert metrics["unseen"]["windows_available"] == 2 * ((2000 - 300) // 10 + 1)
