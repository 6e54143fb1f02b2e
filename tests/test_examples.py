"""The examples run, and stay short."""

import importlib
import re

import pytest
from conftest import ROOT

EXAMPLES = sorted(path.stem for path in (ROOT / "examples").glob("[!_]*.py"))


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_short(name):
    assert len((ROOT / f"examples/{name}.py").read_text().splitlines()) <= 40


def test_a_recording_is_decoded(small_decoder, capsys):
    importlib.import_module("examples.decode_recording").main(small_decoder)
    assert "decisions right (synthetic data)" in capsys.readouterr().out


def test_a_checkpoint_is_evaluated(small_decoder, capsys):
    importlib.import_module("examples.evaluate_checkpoint").main(small_decoder)
    printed = capsys.readouterr().out
    assert "precision" in printed and "movement 17" in printed


@pytest.mark.slow
def test_the_estimator_is_cross_validated(capsys):
    importlib.import_module("examples.cross_validate").main(steps=2, tune_steps=0)
    assert "accuracy on each repetition left out: [" in capsys.readouterr().out


@pytest.mark.slow
def test_a_decoder_is_trained_with_several_seeds(tmp_path, capsys):
    importlib.import_module("examples.several_seeds").main(seeds=2, preset="test", folder=str(tmp_path))
    printed = capsys.readouterr().out
    first, second = re.findall(r"seed \d: (\S+)%", printed)
    assert first != second
    mean = float(re.search(r"mean (\S+)%", printed)[1])
    assert abs(mean - (float(first) + float(second)) / 2) < 0.11  # three numbers, each rounded to 0.1


def test_libemg_takes_the_estimator(capsys):
    pytest.importorskip("libemg", reason="LibEMG is not installed")
    importlib.import_module("examples.libemg_classifier").main(steps=2, tune_steps=0)
    assert "'CA'" in capsys.readouterr().out
