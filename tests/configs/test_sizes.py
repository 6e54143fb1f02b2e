"""Sizes that do not fit each other are refused before data are read, with both options and both values."""

import pytest

from finjax.configs import cnn, fin, fine_tune, raw_cnn, study
from finjax.configs.parsing import parse
from finjax.configs.sizes import check_names, check_sizes
from finjax.errors import FinjaxError
from finjax.run import run
from finjax.study.methods import method_config


@pytest.mark.parametrize(
    ("module", "changes", "message"),
    [
        (
            fine_tune,
            {"optimiser.fin.layer_factors": (1.0, 0.5)},
            r"layer_factors=1.0,0.5 has 2 numbers.*--config.model.layers=3",
        ),
        (
            fin,
            {"model.patch_size": 7},
            r"model.patch_size=7 must divide the 600 samples of a window \(--config.window=300ms at 2000 Hz\).* is 6;",
        ),
        (
            fine_tune,
            {"model.patch_size": 601},
            r"patch_size=601 must divide the 600 samples.* is 600; .* window of 601 samples",
        ),
        (
            raw_cnn,
            {"window": "20"},
            r"--config.cnn.kernel=9 is too large: of the 20 samples.* 6 are left before convolution 2 of 3 "
            r"\(--config.cnn.filters=32,64,64\)",
        ),
        (cnn, {"features": ""}, "--config.features=: give names of features"),
        (cnn, {"features": "rms,vra"}, "--config.features=rms,vra: unknown feature 'vra'; known are"),
        (fin, {"target": "rms,"}, "--config.target=rms,: give names"),
        (fin, {"data.name": "ninapro_db9"}, "unknown dataset 'ninapro_db9'"),
        (
            fin,
            {"data.filter.highpass_hz": 2000.0},
            "--config.data.filter.highpass_hz=2000 must lie above 0",
        ),
        (
            cnn,
            {"data.filter.notch_hz": 1000.0},
            "--config.data.filter.notch_hz=1000 must .* below 1000 Hz",
        ),
        (
            cnn,
            {"data.filter.highpass_hz": 500.0, "data.filter.lowpass_hz": 20.0},
            "--config.data.filter.highpass_hz=500 must lie below --config.data.filter.lowpass_hz=20",
        ),
        (study, {"data.filter.lowpass_hz": 1e4}, "--config.data.filter.lowpass_hz=10000 must lie above 0"),
        (study, {"cnn.features": "rms,nope"}, "--config.cnn.features=rms,nope: unknown feature 'nope'"),
        (study, {"fine_tune.features": "rms,"}, "--config.fine_tune.features=rms,: give names of features"),
        (
            study,
            {"fin.model.shadows": 8},
            r"these must be equal: --config.fin.model.shadows=8 and --config.cnn.cnn.shadows=12",
        ),
        (
            study,
            {"methods.cnn.cnn": {"shadows": 3}},
            r"these must be equal: --config.fin.model.shadows=12 and --config.methods.cnn.cnn.shadows=3",
        ),
        (study, {"window": "301"}, r"--config.fin.model.patch_size=30 must divide .*--config.window=301"),
        (
            study,
            {"length": "fin_cnn", "lengths": (155, 300)},
            r"--config.fin.model.patch_size=30 must divide the 310 samples of a window \(--config.lengths=155ms",
        ),
        (study, {"methods.lda_logstd.features": "rms,"}, "--config.methods.lda_logstd.features=rms,: give"),
    ],
)
def test_sizes_that_do_not_fit_are_refused_with_both_values(tmp_path, monkeypatch, module, changes, message):
    monkeypatch.setattr("finjax.data.source._read", lambda *data: pytest.fail("data was read"))
    config = module.get_config("test")
    config.update_from_flattened_dict(changes)
    if module is study:
        config.within = "cnn,fin_cnn"
    with pytest.raises(FinjaxError, match=message):
        run(config, workdir=tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("preset", [None, "three_dc", "paper", "test"])
def test_the_sizes_of_every_stage_of_a_study_fit(preset):
    config = study.get_config(preset)
    config.data.name = "synthetic"
    for method in config.methods:
        settings = parse(method_config(config, method))
        check_names(settings)
        check_sizes(settings)
