"""The wheel: built, installed with what it requires into a fresh environment, and used from an empty folder."""

import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from conftest import ROOT

SOURCES = ("finjax", "pyproject.toml", "requirements.txt", "README.md", "LICENSE")
UNREACHABLE = ("No matching distribution found", "Could not fetch URL", "ConnectionError")  # said by pip

pytestmark = pytest.mark.slow


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess:
    return subprocess.run([*map(str, command)], cwd=cwd, capture_output=True, text=True, timeout=600)


def pip(python: str | Path, *arguments: str | Path, cwd: Path) -> None:
    done = run(python, "-m", "pip", *arguments, cwd=cwd)
    if done.returncode and any(reason in done.stderr for reason in UNREACHABLE):
        pytest.skip(f"pip found no package index: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """The folder of `python` and `finjax` in an environment that has the wheel and its requirements, nothing else."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"  # setuptools leaves files where it builds
    source.mkdir()
    for name in SOURCES:
        path = ROOT / name
        if path.is_dir():
            shutil.copytree(path, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(path, source)
    pip(sys.executable, "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, source, cwd=folder)
    (wheel,) = folder.glob("finjax-*.whl")
    venv.create(folder / "environment", with_pip=True)
    found = folder / "environment" / ("Scripts" if sys.platform == "win32" else "bin")
    pip(found / "python", "install", "--quiet", f"{wheel}[export]", cwd=folder)
    return found


def readme_python() -> str:
    """Returns the Python example of the README, with the run of the small preset."""
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert code.count("runs/fine_tune/subject_1") == 2
    return code.replace("runs/fine_tune/", "runs/fine_tune_test/")


def test_the_readme_works_where_only_the_wheel_is_installed(programs, tmp_path, monkeypatch):
    monkeypatch.delenv("PYTHONPATH", raising=False)
    where = run(programs / "python", "-c", "import finjax; print(finjax.__file__)", cwd=tmp_path)
    assert Path(where.stdout.strip()).is_relative_to(programs.parent), where.stderr

    for arguments in (
        ["--help"],
        ["fin", "--config=fin:test"],
        ["cnn", "--config=cnn:test"],
        ["fine-tune", "--config=fine_tune:test"],
        ["evaluate", "--config=fine_tune:test"],
        ["export", "runs/fine_tune_test/subject_1", "decoder.finjax"],
        ["data", "inspect", "--name=synthetic", "--subjects=1"],
        ["live", "--help"],
    ):
        done = run(programs / "finjax", *arguments, cwd=tmp_path)
        assert done.returncode == 0, (arguments, done.stderr)

    done = run(programs / "python", "-c", readme_python(), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) > 10  # a window's movement, and a decision every 20 ms


def test_the_fins_that_ship_are_in_the_wheel(programs, tmp_path, monkeypatch):
    monkeypatch.delenv("PYTHONPATH", raising=False)
    code = """
import finjax, numpy as np
from finjax.inference.shipped import shipped_lengths
for length in shipped_lengths():
    print(length, finjax.load(f"shipped:{length}/logstd")(np.random.default_rng(0).normal(size=(2, length))).shape)
"""
    done = run(programs / "python", "-c", code, cwd=tmp_path)
    assert done.stdout.splitlines() == ["75 (2,)", "150 (2,)", "300 (2,)", "600 (2,)"], done.stderr


def test_a_type_checker_finds_the_types_of_the_installed_package(programs):
    (marker,) = programs.parent.rglob("site-packages/finjax/py.typed")
    assert marker.read_bytes() == b""
