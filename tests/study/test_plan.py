"""The plan of a study: names, needs, configurations, shards, and what is refused."""

from pathlib import Path

import pytest
from ml_collections import ConfigDict

from finjax.configs import classical, cnn, fin, fine_tune, raw_cnn, study
from finjax.configs.parsing import data_settings
from finjax.data.source import find_split
from finjax.errors import ConfigError
from finjax.study.experiments import fin_runs_of, make_experiments
from finjax.study.plan import make_plan
from finjax.study.shard import of_shard, parse_shard

FOLDER = Path("/study")


def plan_of(config: ConfigDict):
    return make_plan(config, find_split(data_settings(config.data)), FOLDER)


def test_the_runs_of_a_small_study():
    # Subject 1 is seen and 2 is not; horizon 0 is `within`; a classical method is never zero-shot.
    assert [run.name for run in plan_of(study.get_config("test"))] == [
        "fin/rms/0_ms",
        "pooled/cnn_rms",
        "within/lda_logstd/subject_1",
        "within/lda_logstd/subject_2",
        "within/cnn/subject_1",
        "within/cnn/subject_2",
        "within/fin_cnn/subject_1",
        "within/fin_cnn/subject_2",
        "cross/lda_logstd/100_percent/subject_2",
        "cross/fin_cnn/0_percent/subject_2",
        "cross/fin_cnn/100_percent/subject_2",
        "fin/rms/50_ms",
        "horizon/lda_logstd/50_ms/subject_1",
        "horizon/lda_logstd/50_ms/subject_2",
        "horizon/cnn/50_ms/subject_1",  # what the next starts from
        "horizon/fin_cnn/50_ms/subject_1",
        "horizon/cnn/50_ms/subject_2",
        "horizon/fin_cnn/50_ms/subject_2",
        "length/lda_logstd/150_ms/subject_1",  # 300 ms is `within`
        "length/lda_logstd/150_ms/subject_2",
    ]


def test_the_statistics_of_recognition_and_of_fins_are_chosen_apart():
    config = study.get_config("test")
    assert {run.config.statistics for run in plan_of(config) if run.config.stage != "fin"} == {"used"}
    config.statistics, config.fin.statistics = "unlabelled", "used"
    for run in plan_of(config):
        assert run.config.statistics == ("used" if run.config.stage == "fin" else "unlabelled"), run.name


def test_other_window_lengths_have_their_own_fins_and_starts():
    config = study.get_config("test")
    config.length, config.lengths = "fin_cnn", (150, 300)
    runs = {run.name: run for run in plan_of(config)}
    shorter = runs["length/fin_cnn/150_ms/subject_2"]
    assert shorter.needs == ("fin/rms/0_ms_window_150_ms", "length/cnn/150_ms/subject_2")
    assert shorter.config.fine_tune.fins == "/study/fin/{feature}/0_ms_window_150_ms"
    assert {runs[name].config.window for name in (shorter.name, *shorter.needs)} == {"150ms"}
    assert "length/fin_cnn/300_ms/subject_2" not in runs


def test_runs_start_from_runs_of_the_same_study():
    runs = {run.name: run for run in plan_of(study.get_config("test"))}
    ahead = runs["horizon/fin_cnn/50_ms/subject_2"]
    assert ahead.needs == ("fin/rms/50_ms", "horizon/cnn/50_ms/subject_2")
    assert ahead.config.fine_tune.fins == "/study/fin/{feature}/50_ms"
    assert ahead.config.fine_tune.cnn_init == "/study/horizon/cnn/50_ms/subject_2/subject_2"
    assert ahead.config.prediction == (1,)  # of 50 ms
    assert runs["fin/rms/50_ms"].config.prediction == (5,)  # of 10 ms
    across = runs["cross/fin_cnn/0_percent/subject_2"]
    assert across.needs == ("fin/rms/0_ms", "pooled/cnn_rms")
    assert across.config.fine_tune.cnn_init == "/study/pooled/cnn_rms/pooled"
    assert (across.config.subject, across.config.percentage) == ("2", 0)
    pooled = runs["pooled/cnn_rms"].config
    assert (pooled.stage, pooled.pooled, pooled.subject) == ("cnn", True, "seen")


@pytest.mark.slow
@pytest.mark.parametrize("preset", [None, "test", "three_dc", "paper"])
def test_every_run_comes_once_and_after_what_it_needs(preset, tmp_path):
    config = study.get_config(preset)
    config.data.name = "synthetic"
    config.within = config.cross = config.horizon = config.length = "svm_hudgins,raw_cnn,fin_cnn,fin_cnn_random,cnn"
    before = set()
    for run in plan_of(config):
        assert run.name not in before
        assert set(run.needs) <= before
        before.add(run.name)
    experiments = make_experiments(config, find_split(data_settings(config.data)))
    assert {experiment.run for experiment in experiments} <= before
    assert {one.run for one in fin_runs_of(config, experiments)} <= before


def test_runs_have_the_fields_of_their_stages():
    modules = {"fin": fin, "cnn": cnn, "fine_tune": fine_tune, "raw_cnn": raw_cnn, "classical": classical}
    config = study.get_config()
    config.within = ",".join(config.methods)
    planned = plan_of(config)
    for stage, module in modules.items():
        expected = leaves(module.get_config()) - {"cpu_devices"}
        for run in planned:
            if run.config.stage == stage:
                assert leaves(run.config) - {"cpu_devices"} == expected, run.name


def test_overrides_reach_the_runs_of_their_stage_and_method_alone():
    config = study.get_config("test")
    config.fine_tune.train.max_epochs = 3
    config.data.synthetic.seed, config.seed, config.window = 5, 7, "200ms"
    config.within, config.length = "fin_cnn,fin_cnn_random,cnn", ""
    for run in plan_of(config):
        assert (run.config.data.synthetic.seed, run.config.seed, run.config.window) == (5, 7, "200ms")
        if run.config.stage == "fine_tune":
            assert run.config.train.max_epochs == 3
            assert run.config.model.hidden == config.fin.model.hidden
            assert run.config.fine_tune.fin_init == ("random" if "_random" in run.name else "pretrained")
        elif run.config.stage == "cnn":
            assert run.config.train.max_epochs == 4


def test_a_method_can_start_from_another_of_the_same_subject_and_horizon():
    config = study.get_config("test")
    config.within = "fin_cnn"
    runs = {run.name: run for run in plan_of(config)}
    for run, start in (("within/fin_cnn", "within/cnn"), ("horizon/fin_cnn/50_ms", "horizon/cnn/50_ms")):
        assert f"{start}/subject_2" in runs[f"{run}/subject_2"].needs
        assert runs[f"{run}/subject_2"].config.fine_tune.cnn_init == f"/study/{start}/subject_2/subject_2"
        assert runs[f"{start}/subject_2"].config.prediction == runs[f"{run}/subject_2"].config.prediction
    assert runs["cross/fin_cnn/100_percent/subject_2"].config.fine_tune.cnn_init == "/study/pooled/cnn_rms/pooled"


def test_shards_divide_the_plan():
    plan = plan_of(study.get_config())
    parts = [of_shard(plan, (part, 7)) for part in range(1, 8)]
    assert sorted(run.name for part in parts for run in part) == sorted(run.name for run in plan)
    assert of_shard(plan, (3, 7)) == [run for k, run in enumerate(plan) if k % 7 + 1 == 3]
    assert {len(part) for part in parts} <= {len(plan) // 7, len(plan) // 7 + 1}


@pytest.mark.parametrize("text", ["0/4", "5/4", "3", "a/b", "1/", "-1/4", "1/4/2", " 1/4"])
def test_malformed_shards_are_refused(text):
    with pytest.raises(ConfigError, match="--shard=.*: give the part and the number of parts"):
        parse_shard(text)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"within": "lda_logstd,svm"}, "config.within: unknown method 'svm'; choose from cnn, fin_cnn"),
        ({"within": "cnn,cnn"}, "within=cnn,cnn: a method is listed twice"),
        ({"horizons": (0, 70)}, "70 ms is 1.4 steps of --config.step=50ms"),
        ({"horizons": (0, 50), "fin.step": "20ms"}, "50 ms is 2.5 steps of --config.fin.step=20ms"),
        ({"fins": "rms,rsm"}, "unknown feature 'rsm'"),
        (
            {"cnn.cnn.kernel": 3},
            "--config.methods.fin_cnn.start=cnn: these must be equal: "
            r"--config.fine_tune.cnn.kernel=\d+ and --config.cnn.cnn.kernel=3$",
        ),
        (
            {"methods.fin_cnn.cnn": {"kernel": 4}, "cnn.cnn.filters": (2, 3)},
            r"equal: --config.fine_tune.cnn.filters=\d+,\d+ and --config.cnn.cnn.filters=2,3; .*"
            r"--config.methods.fin_cnn.cnn.kernel=4 and --config.cnn.cnn.kernel=\d+",
        ),
        ({"methods.fin_cnn.start": "raw_cnn"}, "and method raw_cnn of stage raw_cnn, which has no features"),
        (
            {"cross": "cnn,fin_cnn", "cnn.train.max_epochs": 3, "methods.fin_cnn.start": "", "cnn.cnn.kernel": 3},
            "fin_cnn and an earlier one would start from different decoders",
        ),
        ({"data.seen_subjects": "1-2"}, "needs seen and unseen subjects; there are 2 seen and 0 unseen"),
        ({"methods.cnn.stage": "rnn"}, "methods.cnn.stage='rnn': choose from cnn, fine_tune"),
        ({"methods.fin_cnn.start": "lstm"}, "methods.fin_cnn.start=lstm: name a method"),
    ],
)
def test_settings_that_do_not_fit_are_refused(change, message):
    config = study.get_config("test")
    config.update_from_flattened_dict(change)
    with pytest.raises(ConfigError, match=message):
        plan_of(config)


def test_a_field_that_a_stage_does_not_have_is_refused():
    config = study.get_config("test")
    config.methods.cnn.classifier = "lda"
    with pytest.raises(ConfigError, match="methods.cnn.classifier: its stage has no such field"):
        plan_of(config)


def test_the_stages_of_a_study_have_no_field_that_it_sets_itself():
    config = study.get_config()
    for stage in ("fin", "cnn", "fine_tune", "raw_cnn", "classical"):
        assert not {"seed", "data", "window", "prediction", "subject"} & set(config[stage])


def leaves(config: ConfigDict, prefix: str = "") -> set[str]:
    """Returns the dotted names of all fields."""
    names = set()
    for name, value in config.items():
        names |= leaves(value, f"{prefix}{name}.") if isinstance(value, ConfigDict) else {prefix + name}
    return names
