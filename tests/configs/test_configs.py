"""The configurations: every field is read, every file and preset gives what it says."""

import importlib
import sys
from pathlib import Path

import pytest
from ml_collections import ConfigDict

from finjax import features
from finjax.configs import classical, cnn, fin, fine_tune, raw_cnn
from finjax.data import ninapro, source, synthetic
from finjax.errors import CheckpointError
from finjax.run import default_workdir, run

CONFIGS = sorted(path.stem for path in (Path(__file__).parents[2] / "configs").glob("fin_*.py"))


def test_there_is_a_configuration_for_each_feature_of_the_paper():
    assert CONFIGS == ["fin_ent", "fin_rms", "fin_ssi", "fin_var"]


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("preset", [None, "paper", "fast", "test"])
def test_configurations_name_their_feature_and_folder(name, preset):
    config = importlib.import_module(f"finjax.configs.{name}").get_config(preset)
    features.get_feature(config.target)
    suffix = {None: "", "paper": "_paper_ninapro_db2"}.get(preset, f"_{preset}")
    assert default_workdir(config) == Path("runs") / (name + suffix)


def test_runs_that_differ_have_folders_that_differ():
    config = fin.get_config("fast", target="ssi")
    config.data.name, config.prediction = "three_dc", (0, 3)
    assert default_workdir(config) == Path("runs/fin_ssi_fast_three_dc_prediction_0_3")
    config.prediction, config.statistics = (0,), "used"
    assert default_workdir(config) == Path("runs/fin_ssi_fast_three_dc_used_statistics")
    config = cnn.get_config()
    config.statistics = "unlabelled"
    assert default_workdir(config) == Path("runs/cnn_unlabelled_statistics")


def test_an_unknown_preset_is_refused():
    with pytest.raises(ValueError, match="unknown preset 'tset'; known are best, coarse, fast, paper, test"):
        fin.get_config("tset", target="ssi")


def test_the_paper_preset_is_the_published_code():
    config = fin.get_config("paper", target="ssi")
    assert (config.model.hidden, config.model.layers, config.model.shadows) == (32, 3, 12)
    assert (config.model.patch_size, config.model.init, config.limit_sd) == (1, "uniform", 0.0)
    assert (config.train.batch_size, config.train.max_epochs, config.train.max_steps) == (4000, 60, 0)
    assert (config.train.stop_after_epochs, config.train.stop_change) == (15, 0.005)
    assert config.optimiser.to_dict() == {
        "learning_rate": 1e-3, "schedule": "constant", "l2": 2e-5, "clip_norm": 0.0, "decoupled": False,
    }  # fmt: skip
    assert (config.data.name, config.window, config.step) == ("ninapro_db2", "300ms", "10ms")
    assert config.train.shadow_noise == 0.01


def leaves(config: ConfigDict, prefix: str = "") -> set[str]:
    """Returns the dotted names of all fields."""
    names = set()
    for name, value in config.items():
        names |= leaves(value, f"{prefix}{name}.") if isinstance(value, ConfigDict) else {prefix + name}
    return names


class ReadLog:
    """Notes which fields of a configuration finjax's own code reads."""

    def __init__(self, monkeypatch, config: ConfigDict):
        self.read = set()
        paths = {}

        def remember(part, prefix):
            paths[id(part)] = prefix
            for name, value in part.items():
                if isinstance(value, ConfigDict):
                    remember(value, f"{prefix}{name}.")

        remember(config, "")
        for method in ("__getattr__", "__getitem__"):
            monkeypatch.setattr(ConfigDict, method, self._noting(getattr(ConfigDict, method), paths))

    def _noting(self, original, paths):
        def get(part, name):
            reader = sys._getframe(1).f_globals.get("__name__", "")
            if reader.startswith("finjax") and id(part) in paths:
                self.read.add(f"{paths[id(part)]}{name}")
            return original(part, name)

        return get


def test_every_field_is_read(tmp_path, monkeypatch):
    config = fin.get_config("test", target="rms")
    config.train.max_steps = 2  # an epoch, so that its end is reached
    config.train.batch_size = 8192
    config.data.train_repetitions = "1"
    config.cpu_devices = 1
    log = ReadLog(monkeypatch, config)
    run(config, workdir=tmp_path / "run")
    default_workdir(config)

    # What only a dataset on disk needs.
    recording = synthetic.generate(1, synthetic.Settings(subjects=1, movement_s=1.0, rest_s=0.0))
    ninapro.write_mat(recording, tmp_path / "S1_E1_A1.mat")
    config.data.name, config.data.dir = "ninapro_db2", str(tmp_path)
    config.data.cache_dir = str(tmp_path / "cache")
    source.load_store(config.data)

    assert leaves(config) - log.read == set()


@pytest.mark.parametrize("module", [cnn, fine_tune, raw_cnn, classical])
def test_every_field_of_what_recognises_is_read(tmp_path, monkeypatch, module):
    config = module.get_config("test")
    config.subject, config.step = "1", "200ms"
    if "train" in config:
        config.train.max_epochs = config.cpu_devices = 1
    if module in (cnn, fine_tune):
        config.cnn.read_out = "rda"
    if module is fine_tune:
        config.fine_tune.fin_init = "random"
    log = ReadLog(monkeypatch, config)
    run(config, workdir=tmp_path / "run")
    default_workdir(config)
    if module is not classical:
        config.fine_tune.cnn_init = str(tmp_path / "run/subject_1")
        if module is fine_tune:
            config.fine_tune.fin_init = "decoder"
        run(config, workdir=tmp_path / "again")
    if module is fine_tune:
        config.fine_tune.fin_init = "pretrained"
        with pytest.raises(CheckpointError, match="no finjax run in runs/fin_rms_test"):
            run(config, workdir=tmp_path / "nowhere")
    on_disk = {"data.dir", "data.cache_dir"}
    assert leaves(config) - log.read - on_disk == set()
