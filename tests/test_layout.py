"""The subpackages of the package import each other in one direction only."""

import ast
import graphlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "finjax"
# From the bottom up: a subpackage imports only from those before it.
ORDER = (
    "version", "errors", "system", "features", "pictures", "devices", "data", "sources", "acquisition", "models",
    "training", "configs", "inference", "evaluation", "tasks", "study", "run", "fit", "estimator", "interop", "plots",
    "live", "web", "commands", "finjax",
)  # fmt: skip
MOVED = {"realtime", "export", "exported", "restored"}  # old names, which import the new ones


def subpackage_of(path: Path) -> str:
    """The folder below the package that a file is in, or the file's own name where it is in none."""
    first, *rest = path.relative_to(PACKAGE).parts
    return first if rest else {"__init__": "finjax", "__main__": "commands"}.get(path.stem, path.stem)


def imports(path: Path) -> Iterator[str]:
    """The modules of finjax that a file imports, at its head or in a function."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            if node.module == "finjax":
                yield from (f"finjax.{alias.name}" for alias in node.names)
            elif node.module and node.module.startswith("finjax."):
                yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "finjax")


FILES = sorted(path for path in PACKAGE.rglob("*.py") if subpackage_of(path) not in MOVED)


def name_of(path: Path) -> str:
    """The name that a file is imported by."""
    return ".".join(("finjax", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")


MODULES = {name_of(path): path for path in FILES}


def imported_modules(path: Path) -> set[str]:
    """The modules of finjax that a file imports; a package if it imports a name that the package itself has."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "finjax":
            names = (f"{node.module}.{alias.name}" for alias in node.names)
            found |= {name if name in MODULES else str(node.module) for name in names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name in MODULES}
    return found


def test_modules_import_each_other_without_a_circle():
    graph = {name: imported_modules(path) for name, path in MODULES.items()}
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


@pytest.mark.parametrize("name", MODULES)
def test_modules_import_nothing_from_the_package_that_they_are_in(name):
    for module in imported_modules(MODULES[name]):
        assert not name.startswith(f"{module}."), f"{name} imports from {module}: name the module that defines it"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_no_import_is_hidden_in_a_text(path):
    for text in re.findall(r"(?:import_module|__import__)\(\s*f?[\"']([\w.]+)", path.read_text(encoding="utf-8")):
        assert text.split(".")[0] != "finjax", f"{path} imports {text} by its name: use an import statement"


def test_every_subpackage_has_a_place_in_the_order():
    assert {subpackage_of(path) for path in FILES} == set(ORDER)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_go_down_only(path):
    here = ORDER.index(subpackage_of(path))
    for module in imports(path):
        subpackage = module.split(".")[1] if "." in module else "finjax"
        assert ORDER.index(subpackage) <= here, f"{path} is below {module}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_the_package_imports_no_folder_beside_it(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [node.module] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        for name in filter(None, names):
            assert name.split(".")[0] not in ("configs", "examples", "tests", "benchmarks", "soak", "tools"), name


# Subpackages that make, change and record configurations; all others take the settings parsed from them.
WITH_CONFIG_DICTS = {"configs", "study", "run", "fit", "commands"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_configurations_are_parsed_before_they_are_used(path):
    if subpackage_of(path) in WITH_CONFIG_DICTS:
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        assert "ml_collections" not in {name.split(".")[0] for name in names}, f"{path} takes a ConfigDict"
