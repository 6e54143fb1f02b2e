"""A share of the damaged files of `python -m soak.mutations`, and that faults of finjax would be seen."""

import sys

import pytest

from soak import mutations
from soak.mutated import sources, verdicts

pytestmark = pytest.mark.slow

FILES = 104
UNDAMAGED = (lambda rng, folder: "nothing",)


@pytest.fixture(scope="module")
def sound(tmp_path_factory, small_decoder):
    return mutations.prepare(tmp_path_factory.mktemp("sources"), run=small_decoder)


@pytest.mark.parametrize("kind", sources.LOADERS)
def test_files_that_are_not_damaged_are_read(sound, monkeypatch, kind):
    monkeypatch.setitem(verdicts.CHANGES, kind, UNDAMAGED)
    assert verdicts.judge(kind, 0, sound) == (verdicts.LOADED, "nothing")


def test_damaged_files_are_refused_or_read_as_something_sound(sound):
    found = mutations.judge_all(mutations.plan(FILES), sound)
    assert len(found) == FILES
    assert {item: verdict for item, verdict in found.items() if verdict[0] in mutations.FAULTS} == {}
    assert sum(verdict == verdicts.REFUSED for verdict, _ in found.values()) > FILES / 2


def test_a_changed_number_is_a_wrong_load(sound, monkeypatch):
    def change_after_loading(folder):
        state, progress = sources.load_training_state(folder)
        state.params["dense"]["bias"][0] += 1
        return state, progress

    monkeypatch.setitem(verdicts.CHANGES, "resume", UNDAMAGED)
    monkeypatch.setitem(verdicts.LOADERS, "resume", change_after_loading)
    assert verdicts.judge("resume", 0, sound) == (verdicts.WRONG, "nothing: it is another model")


CHILD = """
import json, os, signal, sys, time
print("ready", flush=True)
for item in sys.argv[2:]:
    print(json.dumps([item]), flush=True)
    if item == "crash:0":
        os.kill(os.getpid(), signal.SIGSEGV)
    if item == "hang:0":
        time.sleep(60)
    print(json.dumps([item, "loaded", ""]), flush=True)
"""


def test_a_crash_and_a_hang_are_laid_to_their_file_and_the_others_are_judged(monkeypatch, tmp_path):
    monkeypatch.setattr(mutations, "CHILD", (sys.executable, "-c", CHILD))
    monkeypatch.setattr(mutations, "LONGEST_S", 3.0)
    found = mutations.judge_all(["mat:0", "crash:0", "mat:1", "hang:0", "mat:2"], tmp_path)
    verdict = {item: verdict for item, (verdict, _) in found.items()}
    assert verdict == {"mat:0": "loaded", "crash:0": "crash", "mat:1": "loaded", "hang:0": "hang", "mat:2": "loaded"}


def test_a_child_that_cannot_begin_is_an_error_of_the_test(monkeypatch, tmp_path):
    monkeypatch.setattr(mutations, "CHILD", (sys.executable, "-c", "raise SystemExit(3)"))
    with pytest.raises(RuntimeError, match="ended before it read any"):
        mutations.judge_all(["mat:0"], tmp_path)
