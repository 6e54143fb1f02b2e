"""The tables say which z-scores their results used, also for results from before finjax recorded that."""

import json

import pytest

from finjax.configs import study
from finjax.configs.parsing import data_settings
from finjax.data.source import find_split
from finjax.errors import CheckpointError
from finjax.study import tables
from finjax.study.experiments import Experiment, FINRun
from finjax.study.record import FILE, open_study

SCORES = {"accuracy": 0.5, "balanced_accuracy": 0.5, "macro_f1": 0.5, "windows": 8, "segments": 2}


def test_the_table_across_subjects_names_the_statistics():
    results = {"shot": {"statistics_from": "others"}, "tuned": {"statistics_from": "used"}, "old": {}}
    experiments = [Experiment(part="cross", method=name, subject=7, run=name) for name in results]
    table = tables.recognition(experiments, lambda name: {"subjects": [SCORES | results[name]]}, by=("method",))
    assert table.statistics_from.tolist() == ["others", "used", "unlabelled"]


def test_the_table_of_fins_names_the_statistics():
    result = {"seen": {"r2": 0.9, "statistics_from": {"1": "used", "2": "used"}}, "unseen": {"r2": 0.8}}
    table = tables.fins([FINRun("rms")], lambda _: result)
    assert (table.statistics_seen[0], table.statistics_unseen[0]) == ("used", "unlabelled")


def test_the_table_of_onsets_is_a_mean_over_subjects():
    def interval(first, last, accuracy):
        return {"from_s": first, "to_s": last, "windows": 1, "accuracy": accuracy}

    results = {
        "one": {"since_onset": [interval(0.0, 0.25, 0.2), interval(0.25, None, 0.8)]},
        "two": {"since_onset": [interval(0.0, 0.25, 0.4), interval(0.25, None, None)]},
        "old": {},
    }
    experiments = [Experiment(part="within", method="cnn", subject=1, run=name) for name in results]
    table = tables.since_onset(experiments, lambda name: {"subjects": [SCORES | results[name]]})
    assert table.to_dict("list") == {"method": ["cnn"], "0–0.25 s": [pytest.approx(0.3)], "from 0.25 s": [0.8]}


def test_a_study_from_before_the_statistics_field_resumes_with_unlabelled(tmp_path):
    config = study.get_config("test")
    split = find_split(data_settings(config.data))
    open_study(tmp_path, config, split)
    recorded = json.loads((tmp_path / FILE).read_text(encoding="utf-8"))
    for part in (recorded["config"], recorded["config"]["fin"]):
        del part["statistics"]
    (tmp_path / FILE).write_text(json.dumps(recorded), encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"\(statistics: recorded 'unlabelled', now 'used'\)"):
        open_study(tmp_path, config, split)
    config.statistics = "unlabelled"
    open_study(tmp_path, config, split)
