"""README and documentation: files, links and commands exist, and the examples run."""

import doctest
import importlib
import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ROOT
from ml_collections import ConfigDict

PAGES = sorted(path for path in (ROOT / "docs").rglob("*.md") if "_build" not in path.parts)
TEXTS = [*(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")), *PAGES]
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in (ROOT / "finjax").rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
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


def command_lines(page: Path) -> list[str]:
    """The lines of a page's shell commands, and its code in single backquotes."""
    text = page.read_text(encoding="utf-8")
    blocks = "\n".join(re.findall(r"```bash\n(.*?)```", text, re.DOTALL)).replace("\\\n", " ")
    lines = (*blocks.splitlines(), *re.findall(r"`([^`\n]+)`", text))
    return [line.partition(" #")[0].strip() for line in lines]


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_exist(page):
    from finjax.commands.main import PROGRAMS, TRAININGS

    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for line in command_lines(page):
        if match := re.match(r"finjax ([a-z][a-z-]*)", line):
            assert match[1] in {**PROGRAMS, **TRAININGS}, line
        if match := re.match(r"make ([a-z][\w-]*)", line):
            assert re.search(rf"^{match[1]}:", makefile, re.MULTILINE), line
        if match := re.search(r"python -m ((?:finjax|examples|benchmarks|soak|tools)(?:\.\w+)*)", line):
            found = importlib.util.find_spec(match[1])
            assert found, line
            if found.submodule_search_locations:
                assert importlib.util.find_spec(f"{match[1]}.__main__"), line


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_configurations_exist(page):
    from finjax.commands.train import config_names

    text = page.read_text(encoding="utf-8")
    files = re.findall(r"\bconfigs/(\w+)\.py(?::([a-z_]+))?", text)
    names = re.findall(r"--config=(\w+)(?::([a-z_]+))?(?=[\s`]|$)", text)
    for name, _ in files:
        assert any((ROOT / folder / f"{name}.py").is_file() for folder in ("configs", "finjax/configs")), name
    for name, preset in {*names, *(file for file in files if file[1])}:
        assert name in config_names(), name
        importlib.import_module(f"finjax.configs.{name}").get_config(preset or None)  # refuses an unknown preset


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_fields_of_configurations_exist(page):
    from finjax.configs.templates import TEMPLATES

    known = {name for template in TEMPLATES.values() for name in names_in(template())}
    named = re.findall(r"--config\.([a-z]\w*(?:\.[a-z]\w*)*)", page.read_text(encoding="utf-8"))
    assert set(named) <= known


def names_in(config: ConfigDict, prefix: str = "") -> Iterator[str]:
    """Yields the names of the fields of a configuration and of their groups, as in `--config.name`."""
    for name, value in config.items():
        yield prefix + name
        if isinstance(value, ConfigDict):
            yield from names_in(value, f"{prefix}{name}.")


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_options_exist(page, capsys):
    from finjax.commands.main import PROGRAMS
    from finjax.commands.train import flags

    for line in command_lines(page):
        options = re.findall(r"(?<=\s)--([a-z][\w-]*)", line)
        trains = re.search(r"\bmain\.py\b|^finjax (?!-)", line)
        program = re.search(r"python -m (finjax[\w.]*\w)((?: [a-z]\w*)?)", line)
        if match := re.match(r"finjax ([a-z-]+)((?: [a-z]\w*)?)", line):
            program = match if match[1] in PROGRAMS else None
        other = re.search(r"python -m ((?:benchmarks|soak|tools)\.\w+)", line)
        if program and options:
            name = PROGRAMS[program[1]][1] if program[1] in PROGRAMS else program[1]
            help_text = help_of(name, program[2].split(), capsys)
            assert all(re.search(rf"--{option}\b(?!-)", help_text) for option in options), line
        elif trains:
            assert set(options) <= set(flags.FLAGS), line
        elif other:
            source = (ROOT / other[1].replace(".", "/")).with_suffix(".py").read_text(encoding="utf-8")
            assert all(f'"--{option}"' in source for option in options), line


def help_of(module: str, words: list[str], capsys: pytest.CaptureFixture) -> str:
    """The help of a program, and of its command if `words` begins with one."""
    if importlib.util.find_spec(module).submodule_search_locations:
        module += ".__main__"
    program, texts = importlib.import_module(module).main, []
    for arguments in (["--help"], [*words, "--help"]):
        with pytest.raises(SystemExit):
            program(arguments)
        texts.append(capsys.readouterr().out)
    return "\n".join(texts)


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

    from finjax.features import registry

    monkeypatch.chdir(folder)
    monkeypatch.setattr(registry, "_REGISTRY", dict(registry._REGISTRY))
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
