"""Every field has a rule, and invalid values are refused, with the name of the option, before anything is read."""

import math

import numpy as np
import pytest
from ml_collections import ConfigDict

from finjax.commands.main import TRAININGS
from finjax.configs import classical, cnn, fin, fine_tune, raw_cnn, study
from finjax.configs.fields import FIELDS, check_fields, leaves
from finjax.configs.parsing import SETTINGS
from finjax.configs.rules import Real, Several, Whole, YesNo
from finjax.configs.templates import TEMPLATES
from finjax.errors import ConfigError
from finjax.run import run
from finjax.study.methods import DECODERS
from finjax.tasks.stages import STAGES

KINDS = {bool: YesNo, int: Whole, float: Real, tuple: Several}


@pytest.mark.parametrize("stage", TEMPLATES)
def test_every_field_is_in_the_table_with_a_rule_of_its_type(stage):
    config = TEMPLATES[stage]()
    for field, of, own in leaves(config):
        assert own in FIELDS[of], f"{field} of stage {stage} is in no table"
        default = config
        for name in field.split("."):
            default = default[name]
        if type(default) in KINDS:
            assert isinstance(FIELDS[of][own], KINDS[type(default)]), field
        assert FIELDS[of][own].fault(default) is None, field


def test_all_tables_have_the_same_stages():
    assert set(STAGES) == set(SETTINGS)
    assert set(TEMPLATES) == set(FIELDS) == {*STAGES, "study"}
    assert {stage for _, stage in TRAININGS.values()} == {*STAGES, "study", ""}
    assert set(DECODERS) == set(STAGES) - {"fin"}  # a study plans its FINs itself


@pytest.mark.parametrize("target", ["rms", "rms,var"])
def test_a_configuration_is_checked_once(tmp_path, monkeypatch, target):
    checked, run_stages = [], []

    def check(config):
        checked.append(config.target)
        check_fields(config)

    for module in ("finjax.run", "finjax.configs.parsing"):
        monkeypatch.setattr(f"{module}.check_fields", check)
    monkeypatch.setattr("finjax.run.run_stage", lambda settings, folder, **options: run_stages.append(settings))
    run(fin.get_config("test", target=target), workdir=tmp_path)
    assert checked == [target]
    assert ",".join(settings.target for settings in run_stages) == target
    assert [settings.record["target"] for settings in run_stages] == [settings.target for settings in run_stages]


def test_there_is_no_rule_without_a_field():
    fields = {own for make in TEMPLATES.values() for _, _, own in leaves(make())}
    assert {field for table in FIELDS.values() for field in table} == fields


@pytest.mark.parametrize("stage", TEMPLATES)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, "many", True])
def test_values_that_are_no_finite_numbers_are_refused(stage, value):
    numeric = [field for field, rule in FIELDS[stage].items() if isinstance(rule, Whole | Real)]
    assert len(numeric) > 30
    assert [field for field in numeric if FIELDS[stage][field].fault(value) is None] == []


@pytest.mark.parametrize(
    ("module", "changes", "message"),
    [
        (cnn, {"cnn.dropout": 2.0}, "--config.cnn.dropout=2: must be at least 0 and below 1"),
        (cnn, {"cnn.dropout": 1.0}, "--config.cnn.dropout=1: must be"),
        (raw_cnn, {"cnn.dropout": -1.0}, "--config.cnn.dropout=-1: must be"),
        (fine_tune, {"train.label_smoothing": 1.5}, "--config.train.label_smoothing=1.5: must be at least 0 and below"),
        (cnn, {"train.covariance_noise": -1.0}, "--config.train.covariance_noise=-1: must be at least 0"),
        (cnn, {"cnn.read_out_weight": math.nan}, "--config.cnn.read_out_weight=nan: must be a finite number"),
        (cnn, {"cnn.filters": (64,)}, "--config.cnn.filters=64: must be 2 whole numbers of 1 or more, as 64,32"),
        (cnn, {"cnn.filters": (16, 8, 4)}, "--config.cnn.filters=16,8,4: must be 2 whole"),
        (cnn, {"cnn.filters": ("a,b",)}, "--config.cnn.filters=a,b: must be 2 whole"),
        (cnn, {"cnn.filters": (16.0, 8)}, "--config.cnn.filters=16.0,8: must be 2 whole"),
        (fine_tune, {"cnn.filters": (-1, 8)}, "--config.cnn.filters=-1,8: must be 2 whole"),
        (raw_cnn, {"cnn.filters": ()}, "--config.cnn.filters=: must be whole numbers of 1 or more, as 32,64,64"),
        (fin, {"seed": 10**21}, "--config.seed=1000000000000000000000: must be at most 4294967295"),
        (fin, {"data.synthetic.seed": 2**32}, "--config.data.synthetic.seed=4294967296: must be at most"),
        (fin, {"limit_sd": math.inf}, "--config.limit_sd=inf: must be a finite number"),
        (fin, {"optimiser.learning_rate": -1.0}, "--config.optimiser.learning_rate=-1: must be at least 0"),
        (fin, {"optimiser.schedule": "linear"}, "--config.optimiser.schedule='linear': choose from constant, cosine"),
        (fin, {"model.precision": "half"}, "--config.model.precision='half': choose from float32, bfloat16"),
        (fin, {"checkpoint.use": "newest"}, "--config.checkpoint.use=newest: choose latest, best, or the number"),
        (fin, {"prediction": (0, 0)}, "--config.prediction=0,0: must be whole numbers of 0 or more, each once"),
        (fin, {"window": "300 s"}, "--config.window='300 s': give milliseconds as '300ms'"),
        (fin, {"window": "600.5"}, "--config.window='600.5': give .* or a whole number of samples as '600'"),
        (fin, {"window": "0ms"}, "--config.window='0ms': give .* above 0"),
        (fin, {"data.filter.notch_hz": -50.0}, "--config.data.filter.notch_hz=-50: must be at least 0"),
        (fin, {"data.test_repetitions": "2-1"}, "--config.data.test_repetitions=2-1: the range '2-1'"),
        (fin, {"data.dir": "s3://bucket/db2"}, "--config.data.dir=s3://bucket/db2: finjax reads and writes only local"),
        (cnn, {"subject": "me"}, "--config.subject=me: 'me' in .* or all, seen, unseen"),
        (cnn, {"percentage": math.nan}, "--config.percentage=nan: must be a finite number"),
        (cnn, {"percentage": 120.0}, "--config.percentage=120: must be 0 to 100"),
        (cnn, {"percentage_how": "last"}, "--config.percentage_how='last': choose from leading, random"),
        (cnn, {"validation_share": 1.0}, "--config.validation_share=1: must be at least 0 and below 1"),
        (classical, {"percentage": 0.0}, "percentage=0: must be above 0 and at most 100 .*that a classical baseline"),
        (fine_tune, {"fine_tune.freeze": "fins,lstm"}, "--config.fine_tune.freeze=fins,lstm: unknown lstm; choose"),
        (fine_tune, {"fine_tune.fins": "runs/{name}"}, "fins=runs/{name}: only {feature}, {subject} and {horizon}"),
        (fine_tune, {"fine_tune.fins": "runs/{horizon:x}{subject:d}"}, "only {feature}, {subject} and {horizon} can"),
        (fine_tune, {"fine_tune.cnn_init": "runs/{feature}"}, "cnn_init=runs/{feature}: only {subject} and {horizon}"),
        (cnn, {"fine_tune.cnn_init": "runs/{}"}, "cnn_init=runs/{}: only {subject} and {horizon} can be filled in"),
        (cnn, {"fine_tune.cnn_init": "runs/{subject!z}"}, "only {subject} and {horizon} can be filled in"),
        (fin, {"data.synthetic.movement_s": 0.1}, "--config.data.synthetic.movement_s=0.1: must be 0.8 to 3600"),
        (fine_tune, {"fine_tune.cnn_init": "gs://b/{subject}"}, "--config.fine_tune.cnn_init=gs://b/{subject}: finjax"),
        (
            fine_tune,
            {"optimiser.fin.layer_factors": (1.0, -1.0, 1.0)},
            "layer_factors=1.0,-1.0,1.0: must be one factor",
        ),
        (fine_tune, {"fine_tune.cnn_step": "last"}, "--config.fine_tune.cnn_step=last: choose latest"),
        (
            cnn,
            {"stage": "fin"},
            "--config.stage=fin: the configuration lacks evaluate.every_steps, .*start from --config=fin",
        ),
        (study, {"cnn.cnn.dropout": 2.0}, "--config.cnn.cnn.dropout=2: must be"),
        (study, {"fin.train.batch_size": 0}, "--config.fin.train.batch_size=0: must be at least 1"),
        (
            study,
            {"methods.fin_cnn.fine_tune.fin_init": "chrono"},
            "--config.methods.fin_cnn.fine_tune.fin_init='chrono'",
        ),
        (study, {"methods.lda_logstd.classifier": "knn"}, "--config.methods.lda_logstd.classifier='knn': choose"),
        (study, {"percentages": (0, math.nan)}, "--config.percentages=0,nan: must be numbers from 0 to 100, each once"),
        (study, {"percentages": (0, 120)}, "--config.percentages=0,120: must be numbers from 0 to 100"),
        (study, {"horizons": (-50,)}, "--config.horizons=-50: must be milliseconds of 0 or more"),
        (study, {"lengths": (0,)}, "--config.lengths=0: must be milliseconds above 0"),
        (study, {"seed": -1}, "--config.seed=-1: must be at least 0"),
    ],
)
def test_invalid_values_are_refused_before_anything_is_done(tmp_path, monkeypatch, module, changes, message):
    monkeypatch.setattr("finjax.run.load_plugins", lambda names: pytest.fail("plugins were loaded"))
    config = module.get_config("test")
    with config.ignore_type():
        config.update_from_flattened_dict(changes)
    with pytest.raises(ConfigError, match=message):
        run(config, workdir=tmp_path)
    assert not list(tmp_path.iterdir())


def test_settings_of_a_method_are_checked_with_the_rules_of_its_stage():
    config = study.get_config("three_dc")
    check_fields(config)
    config.methods.fin_cnn_paper.optimiser.fin.l2 = math.nan
    with pytest.raises(
        ConfigError, match=r"--config\.methods\.fin_cnn_paper\.optimiser\.fin\.l2=nan: must be a finite"
    ):
        check_fields(config)


def test_numpy_numbers_are_accepted():
    assert Whole(least=1).fault(np.int32(3)) is None
    assert Real(below=1).fault(np.float32(0.5)) is None
    assert Whole().fault(np.float64(3.0)) == "must be a whole number"


def test_additional_fields_are_not_checked():
    config = cnn.get_config("test")
    config.own = ConfigDict({"note": "mine"})
    check_fields(config)
