"""Names of version 0.1 that have moved: they work, and warn."""

import importlib
import subprocess
import sys

import pytest
from conftest import ROOT

from finjax.devices import parallel
from finjax.inference import export, exported, model, restored
from finjax.live import Decision, LiveDecoder

OLD = {
    "finjax.realtime": {"Decision": Decision, "Decoder": LiveDecoder, "LiveDecoder": LiveDecoder},
    "finjax.export": {
        "DEFAULT_PLATFORMS": export.DEFAULT_PLATFORMS,
        "PLATFORMS": export.PLATFORMS,
        "export_model": export.export_model,
        "main": export.main,
    },
    "finjax.exported": {"ExportedModel": exported.ExportedModel, "load_exported": exported.load_exported},
    "finjax.restored": {
        "DecoderModel": model.DecoderModel,
        "FINModel": model.FINModel,
        "Model": model.Model,
        "load": restored.load,
        "load_decoder": restored.load_decoder,
        "load_fin": restored.load_fin,
    },
    "finjax.training.parallel": {"tune_compiler": parallel.tune_compiler},
}
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "finjax").rglob("*.py"))
}


def test_every_old_module_is_known():
    found = {name for name, path in FILES.items() if "\nwarn_moved(" in path.read_text(encoding="utf-8")}
    assert found == set(OLD)


@pytest.mark.parametrize("name", OLD)
def test_an_old_name_gives_the_new_object_and_a_warning_with_the_new_name(name, monkeypatch):
    monkeypatch.delitem(sys.modules, name, raising=False)
    with pytest.warns(DeprecationWarning, match=rf"{name} is now finjax\..*0\.3") as warned:
        module = importlib.import_module(name)
    assert len(warned) == 1
    assert set(module.__all__) == set(OLD[name])
    for attribute, new in OLD[name].items():
        assert getattr(module, attribute) is new


def test_the_old_module_of_the_export_still_runs():
    command = [sys.executable, "-W", "always", "-m", "finjax.export", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0
    assert "model.finjax" in done.stdout
    assert "finjax.export is now finjax.inference.export" in done.stderr


def test_the_package_itself_uses_no_old_name():
    names = [name for name in FILES if name not in OLD]
    code = f"import importlib\nfor name in {names}: importlib.import_module(name)"
    done = subprocess.run(
        [sys.executable, "-W", "error:finjax:DeprecationWarning", "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
