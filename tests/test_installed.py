"""The installed package works alone, from another folder, and beside another package called `configs`."""

import os
import shutil
import subprocess
import sys
import tomllib

import pytest
from conftest import ROOT

PROGRAMS = ("data", "inference.export", "interop.torch_checkpoint", "live", "plots")
IN_ANOTHER_FOLDER = """
import pathlib, runpy, sys
import configs, examples
assert configs.FOREIGN and examples.FOREIGN
import finjax
from finjax.configs import study
assert pathlib.Path(finjax.__file__).is_relative_to({site!r}), finjax.__file__
assert study.get_config("test").stage == "study"
for program in {programs!r}:
    sys.argv = [program, "--help"]
    try:
        runpy.run_module("finjax." + program, run_name="__main__")
    except SystemExit as end:
        assert not end.code, program
sys.path.append({root!r})
from finjax.commands import train
sys.argv = ["main.py", "--config={root}/configs/classical.py:test", "--config.classifier=rda"]
train.parse_flags(sys.argv)
assert train._CONFIG.value.classifier == "rda"
"""


@pytest.mark.slow
def test_the_package_works_alone_from_another_folder(tmp_path):
    site, foreign, elsewhere = (tmp_path / name for name in ("site", "foreign", "elsewhere"))
    shutil.copytree(ROOT / "finjax", site / "finjax", ignore=shutil.ignore_patterns("__pycache__"))
    elsewhere.mkdir()
    for name in ("configs", "examples"):
        (foreign / name).mkdir(parents=True)
        (foreign / name / "__init__.py").write_text("FOREIGN = True")
    code = IN_ANOTHER_FOLDER.format(site=str(site), root=str(ROOT), programs=PROGRAMS)
    path = os.pathsep.join(map(str, (foreign, site)))
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=elsewhere,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("usage: ") == len(PROGRAMS)
    assert not list(elsewhere.iterdir())


def test_an_installation_contains_every_folder_of_the_package():
    # setuptools takes folders with an `__init__.py`, only Python files in them, and what `package-data` names.
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    assert settings["packages"]["find"] == {"include": ["finjax*"]}
    named = {path for pattern in settings["package-data"]["finjax"] for path in (ROOT / "finjax").glob(pattern)}
    files = [path for path in (ROOT / "finjax").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert {path for path in files if path.suffix != ".py"} == named
    assert all((path.parent / "__init__.py").exists() for path in files if path.suffix == ".py")
