"""Names of version 0.1 that have moved: they work, and warn."""

import importlib
import subprocess
import sys

import pytest

import finjax
from finjax.inference import export, exported, model, restored
from finjax.live import LiveDecoder

OLD = {
    "finjax.realtime": {"Decoder": LiveDecoder},
    "finjax.export": {"export_model": export.export_model},
    "finjax.exported": {"load_exported": exported.load_exported},
    "finjax.restored": {"load": restored.load, "FINModel": model.FINModel},
    "finjax.training.parallel": {},
}


@pytest.mark.parametrize("name", OLD)
def test_an_old_name_gives_the_new_object_and_a_warning_with_the_new_name(name, monkeypatch):
    monkeypatch.delitem(sys.modules, name, raising=False)
    with pytest.warns(DeprecationWarning, match=rf"{name} is now finjax\..*0\.3") as warned:
        module = importlib.import_module(name)
    assert len(warned) == 1
    for attribute, new in OLD[name].items():
        assert getattr(module, attribute) is new


def test_the_old_module_of_the_export_still_runs():
    command = [sys.executable, "-W", "always", "-m", "finjax.export", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0
    assert "model.finjax" in done.stdout
    assert "finjax.export is now finjax.inference.export" in done.stderr


def test_the_package_itself_uses_no_old_name():
    code = "import finjax, finjax.run, finjax.live, finjax.estimator, finjax.inference.export, finjax.plots.sheet"
    done = subprocess.run(
        [sys.executable, "-W", "error:finjax:DeprecationWarning", "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert finjax.load
