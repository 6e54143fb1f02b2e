"""Tables name where the z-scores of their numbers come from; results of before that was recorded had one way."""

import json

import pytest

from finjax.configs import study
from finjax.data.source import find_split
from finjax.errors import CheckpointError
from finjax.study import tables
from finjax.study.record import FILE, open_study
from finjax.study.runs import FIN, Cell

SCORES = {"accuracy": 0.5, "balanced_accuracy": 0.5, "macro_f1": 0.5, "windows": 8, "segments": 2}


def test_the_table_across_subjects_names_the_statistics():
    results = {"shot": {"statistics_from": "others"}, "tuned": {"statistics_from": "used"}, "old": {}}
    cells = [Cell(part="cross", method=name, subject=7, run=name) for name in results]
    table = tables.recognition(cells, lambda name: {"subjects": [SCORES | results[name]]}, by=("method",))
    assert table.statistics_from.tolist() == ["others", "used", "unlabelled"]


def test_the_table_of_fins_names_the_statistics():
    result = {"seen": {"r2": 0.9, "statistics_from": {"1": "used", "2": "used"}}, "unseen": {"r2": 0.8}}
    table = tables.fins([FIN("rms")], lambda _: result)
    assert (table.statistics_seen[0], table.statistics_unseen[0]) == ("used", "unlabelled")


def test_a_study_of_before_there_was_a_choice_goes_on_with_what_it_did(tmp_path):
    config = study.get_config("test")
    split = find_split(config.data)
    open_study(tmp_path, config, split)
    recorded = json.loads((tmp_path / FILE).read_text(encoding="utf-8"))
    for part in (recorded["config"], recorded["config"]["fin"]):
        del part["statistics"]
    (tmp_path / FILE).write_text(json.dumps(recorded), encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"\(statistics: 'unlabelled' there, 'used' here\)"):
        open_study(tmp_path, config, split)
    config.statistics = "unlabelled"
    open_study(tmp_path, config, split)
