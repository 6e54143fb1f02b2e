"""Configurations that are read from JSON are the same as before, and missing fields get their defaults."""

import json

import pytest

from finjax.configs import cnn, fin, fine_tune, recorded, study
from finjax.configs.templates import complete
from finjax.errors import ConfigError
from finjax.study.record import differing_settings


@pytest.mark.parametrize("make", [fin.get_config, cnn.get_config, fine_tune.get_config, study.get_config])
@pytest.mark.parametrize("preset", [None, "paper", "test"])
def test_a_configuration_survives_json(make, preset):
    config = make(preset)
    assert complete(json.loads(json.dumps(config.to_dict()))).to_dict() == config.to_dict()


def test_fields_that_an_older_finjax_did_not_have_get_their_defaults():
    fields = cnn.get_config("test").to_dict()
    del fields["train"], fields["cnn"]["read_out_weight"], fields["plugins"]
    fields["seed"] = None  # unknown
    config = complete(fields)
    assert (config.train, config.cnn.read_out_weight, config.plugins) == (cnn.get_config().train, 0.25, "")
    assert config.seed == 0 and config.data.synthetic.subjects == 2
    assert config.data.filter.notch_hz is None


def test_a_limit_of_null_means_no_limit():
    assert complete({**fin.get_config("test").to_dict(), "limit_sd": None}).limit_sd == 0


def test_an_unset_field_stays_unset():
    fields = fine_tune.get_config().to_dict()
    assert complete(fields).optimiser.fin.layer_factors is None
    fields["optimiser"]["fin"]["layer_factors"] = [1, 0.5, 0]
    assert complete(fields).optimiser.fin.layer_factors == (1, 0.5, 0)


@pytest.mark.parametrize("config", [{}, {"stage": "rnn"}, {"stage": "cnn", "train": 3}, []])
def test_a_file_with_an_invalid_configuration_is_refused(tmp_path, config):
    (tmp_path / "config.json").write_text(json.dumps({"config": config}))
    with pytest.raises(ConfigError, match="holds no configuration of a run"):
        recorded.get_config(str(tmp_path / "config.json"))


def test_a_study_of_an_older_finjax_is_compared_with_defaults():
    here = {"config": study.get_config("test").to_dict(), "split": {}}
    there = json.loads(json.dumps(here))
    del there["config"]["cnn"]["train"]["label_smoothing"]
    del there["config"]["methods"]["raw_cnn"]
    assert differing_settings(there, here) == []
    here["config"]["cnn"]["train"]["label_smoothing"] = 0.1
    assert differing_settings(there, here) == ["cnn.train.label_smoothing: recorded 0.0, now 0.1"]
