"""README and documentation: files, links and commands exist, and the examples run."""

import doctest
import importlib
import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

PAGES = sorted(path for path in (ROOT / "docs").rglob("*.md") if "_build" not in path.parts)
TEXTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *PAGES]
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLES = (
    "finjax",
    "finjax.run",
    "finjax.features",
    "finjax.configs.fin",
    "finjax.data.loading",
    "finjax.data.normalise",
    "finjax.data.number_lists",
    "finjax.data.splits",
    "finjax.data.synthetic",
    "finjax.data.windows",
    "finjax.estimator.classifier",
    "finjax.estimator.features",
    "finjax.evaluation.classification",
    "finjax.evaluation.statistics",
    "finjax.inference.export",
    "finjax.live.decoder",
    "finjax.models.fin",
)


def pages_of_modules():
    specification = importlib.util.spec_from_file_location("api_pages", ROOT / "docs/api_pages.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_readme_is_short():
    assert (ROOT / "README.md").stat().st_size <= 6000


def test_every_module_is_in_the_api_reference():
    described = {
        module
        for page in (ROOT / "docs/api").glob("*.rst")
        for module in re.findall(r"^\.\. automodule:: (\S+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert described == pages_of_modules().documented_modules(), "write the pages again: python docs/api_pages.py"


def test_the_architecture_page_lists_the_subpackages_in_the_order_of_imports():
    from test_layout import ORDER

    (quote,) = re.findall(r"(?:^> .+\n)+", (ROOT / "docs/architecture.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert tuple(re.findall(r"\w+", quote)) == ORDER


def anchors(text: str) -> set[str]:
    """The anchors that MyST and GitHub give to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_local_links_have_targets(page):
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
        if re.match(r"https?://", target):
            continue
        path, _, anchor = target.partition("#")
        file = page.parent / path if path else page
        assert file.exists(), f"{target}: no such file"
        if anchor:
            assert anchor in anchors(file.read_text(encoding="utf-8")), f"{target}: no such heading"


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_exist(page):
    from finjax.commands.main import PROGRAMS, TRAININGS
    from finjax.commands.train import config_names

    text = page.read_text(encoding="utf-8")
    blocks = "\n".join(re.findall(r"```bash\n(.*?)```", text, re.DOTALL))
    spans = re.findall(r"`([^`\n]+)`", text)
    lines = [line.strip() for line in (*blocks.splitlines(), *spans)]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for line in lines:
        if match := re.match(r"finjax ([a-z][a-z-]*)", line):
            assert match[1] in {**PROGRAMS, **TRAININGS}, line
        if match := re.match(r"make ([a-z][\w-]*)", line):
            assert re.search(rf"^{match[1]}:", makefile, re.MULTILINE), line
        if match := re.search(r"--config=([a-z_]+)(?::([a-z]+))?(?=\s|$)", line):
            assert match[1] in config_names(), line
            importlib.import_module(f"finjax.configs.{match[1]}").get_config(match[2])  # refuses an unknown preset
        if match := re.match(r"python -m (finjax|examples|benchmarks|soak)\.?(\w*)", line):
            assert importlib.util.find_spec(".".join(filter(None, match.groups()))), line


def test_the_numbers_in_readme_are_those_of_the_results_page():
    results = (ROOT / "docs/results.md").read_text(encoding="utf-8")
    numbers = re.findall(r"\d\d\.\d ± \d\.\d %", README)
    assert len(numbers) > 4
    assert all(number in results for number in numbers)


@pytest.fixture(scope="module")
def folder(small_decoder, tmp_path_factory):
    """A folder in which `runs/cnn/subject_1` is a trained decoder."""
    folder = tmp_path_factory.mktemp("examples")
    shutil.copytree(small_decoder, folder / "runs/cnn/subject_1")
    return folder


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_in_docstrings(name, folder, monkeypatch):
    import numpy as np

    from finjax import features

    monkeypatch.chdir(folder)
    monkeypatch.setattr(features, "_REGISTRY", dict(features._REGISTRY))
    module = importlib.import_module(name)
    known = {"np": np, "Path": Path, "finjax": importlib.import_module("finjax")}
    tried, failures = 0, []
    for test in doctest.DocTestFinder(exclude_empty=True).find(module, extraglobs=known):
        runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
        tried += runner.run(test, out=failures.append).attempted
    assert tried, f"{name} has no example"
    assert not failures, "".join(failures)


@pytest.mark.slow
def test_the_site_is_built_without_a_warning(tmp_path):
    for module in ("sphinx", "myst_nb", "furo", "sphinx_copybutton"):
        pytest.importorskip(module, reason=f"{module} is not installed: pip install -e '.[docs]'")
    command = [sys.executable, "-m", "sphinx", "-b", "html", "-W", "--keep-going", "-d", str(tmp_path / "trees")]
    done = subprocess.run(
        [*command, "docs", str(tmp_path / "site")], cwd=ROOT, capture_output=True, text=True, timeout=1800
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "site/api/data.html").is_file()
