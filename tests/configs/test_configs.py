"""The configurations: every field is read, and every file and preset has the right values."""

import dataclasses
import importlib
import sys
from pathlib import Path

import pytest
from ml_collections import ConfigDict

from finjax import features
from finjax import run as run_module
from finjax.configs import classical, cnn, fin, fine_tune, parsing, raw_cnn
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


def test_different_runs_have_different_folders():
    config = fin.get_config("fast", target="ssi")
    config.data.name, config.prediction = "three_dc", (0, 3)
    assert default_workdir(config) == Path("runs/fin_ssi_fast_three_dc_prediction_0_3")
    config.prediction, config.statistics = (0,), "used"
    assert default_workdir(config) == Path("runs/fin_ssi_fast_three_dc_used_statistics")
    config = cnn.get_config()
    config.statistics = "unlabelled"
    assert default_workdir(config) == Path("runs/cnn_unlabelled_statistics")
    config = classical.get_config("test")
    config.classifier = "svm"
    assert default_workdir(config) == Path("runs/classical_svm_test")
    config.features = "hudgins"
    assert default_workdir(config) == Path("runs/classical_svm_hudgins_test")
    config.features = "rms, wl"
    assert default_workdir(config) == Path("runs/classical_svm_rms_wl_test")


def test_an_unknown_preset_is_refused():
    with pytest.raises(ValueError, match="unknown preset 'tset'; known are best, coarse, fast, paper, spatial, test"):
        fin.get_config("tset", target="ssi")


def test_the_paper_preset_has_the_values_of_the_published_code():
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


CHECKERS = (
    "finjax.configs.fields",
    "finjax.configs.sizes",
    "finjax.configs.templates",
)  # check, not use


READ_LATER = {"plugins"}  # of the typed settings: when a trained model is loaded


class ReadLog:
    """Notes which fields of the settings of a stage finjax's own code reads."""

    def __init__(self, monkeypatch):
        self.read, self._paths = set(), {}
        self.typed, self.typed_read = set(), set()  # fields of the typed settings, and those of them that are read
        self._kept = []  # keeps objects alive, so that no other object gets their id
        noted = set()

        def remember(part, prefix):
            self._kept.append(part)
            self._paths[id(part)] = prefix
            if type(part) not in noted:
                noted.add(type(part))
                monkeypatch.setattr(type(part), "__getattribute__", self._get)
            for field in dataclasses.fields(part):
                value = object.__getattribute__(part, field.name)
                self.typed.add(f"{prefix}{field.name}")
                if dataclasses.is_dataclass(value):
                    remember(value, f"{prefix}{field.name}.")

        def parse(config):
            parsed = parsing.parse(config)
            remember(parsed, "")
            return parsed

        monkeypatch.setattr("finjax.run.parse", parse)
        original = ConfigDict.__getattr__

        def get(part, name):
            self._note(part, name)
            return original(part, name)

        monkeypatch.setattr(ConfigDict, "__getattr__", get)

    def watch(self, config):
        """Notes which top-level fields of a configuration are read before it is parsed."""
        self._kept.append(config)
        self._paths[id(config)] = ""

    def _note(self, part, name):
        reader = sys._getframe(2).f_globals.get("__name__", "")
        if reader.startswith("finjax") and reader not in CHECKERS and id(part) in self._paths:
            self.read.add(f"{self._paths[id(part)]}{name}")
            if dataclasses.is_dataclass(part):
                self.typed_read.add(f"{self._paths[id(part)]}{name}")

    @property
    def _get(self):
        def get(part, name):
            self._note(part, name)
            return object.__getattribute__(part, name)

        return get


@pytest.mark.slow
def test_every_field_of_a_fin_is_read(tmp_path, monkeypatch):
    config = fin.get_config("test", target="rms")
    config.train.max_steps = 2  # an epoch, so that its end is reached
    config.train.batch_size = 8192
    config.data.train_repetitions = "1"
    config.cpu_devices = 1
    log = ReadLog(monkeypatch)
    log.watch(config)
    run(config, workdir=tmp_path / "run")
    default_workdir(config)

    # Fields that only a dataset on disk needs.
    recording = synthetic.generate(1, synthetic.Settings(subjects=1, movement_s=1.0, rest_s=0.0))
    ninapro.write_mat(recording, tmp_path / "S1_E1_A1.mat")
    config.data.name, config.data.dir = "ninapro_db2", str(tmp_path)
    config.data.cache_dir = str(tmp_path / "cache")
    source.load_store(run_module.parse(config).data)

    assert leaves(config) - log.read == set()
    assert log.typed - log.typed_read - READ_LATER == set()


@pytest.mark.slow
@pytest.mark.parametrize("module", [cnn, fine_tune, raw_cnn, classical])
def test_every_field_of_a_recognition_stage_is_read(tmp_path, monkeypatch, module):
    monkeypatch.chdir(tmp_path)  # no run is in runs/ here
    config = module.get_config("test")
    config.subject, config.step = "1", "200ms"
    if "train" in config:
        config.train.max_epochs = config.cpu_devices = 1
    if module in (cnn, fine_tune):
        config.cnn.read_out = "rda"
    if module is fine_tune:
        config.fine_tune.fin_init = "random"
    log = ReadLog(monkeypatch)
    log.watch(config)
    run(config, workdir=tmp_path / "run")
    default_workdir(config)
    if module in (cnn, fine_tune):
        config.patterns = 1
        run(config, workdir=tmp_path / "virtual")
        config.patterns = 0
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
    assert log.typed - log.typed_read - on_disk - READ_LATER == set()
