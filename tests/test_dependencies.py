"""The code imports only packages that are declared, and so installed with finjax."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ROOT

OWN = {"finjax", "configs", "benchmarks", "soak", "tools"}
# Names under which packages are imported, where they differ from the names of the packages.
IMPORTED_AS = {
    "absl-py": "absl",
    "ml-collections": "ml_collections",
    "orbax-checkpoint": "orbax",
    "scikit-learn": "sklearn",
}
PACKAGED = [ROOT / "main.py", *sorted((ROOT / "finjax").rglob("*.py")), *sorted((ROOT / "configs").rglob("*.py"))]
BESIDE = [path for folder in ("benchmarks", "soak", "tools") for path in sorted((ROOT / folder).rglob("*.py"))]


def modules(requirements: list[str]) -> set[str]:
    """Returns what packages are imported as."""
    names = [re.match(r"[\w.-]+", line)[0] for line in requirements if line.strip()]
    return {IMPORTED_AS.get(name, name) for name in names}


REQUIRED = modules((ROOT / "requirements.txt").read_text().splitlines())
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
OPTIONAL = modules([line for lines in EXTRAS.values() for line in lines])


def imports(tree: ast.AST, *, inside: bool = False) -> Iterator[tuple[str, bool]]:
    """Yields each imported package, and whether the import is inside a function or for type checkers only."""
    for node in ast.iter_child_nodes(tree):
        match node:
            case ast.Import(names=names):
                yield from ((name.name.split(".")[0], inside) for name in names)
            case ast.ImportFrom(module=module, level=level):
                assert level == 0, f"line {node.lineno}: a relative import"
                yield module.split(".")[0], inside
        later = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        checked = isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
        yield from imports(node, inside=inside or later or checked)


def undeclared(paths: list[Path], *, anywhere: set[str], inside: set[str]) -> set[str]:
    """Returns the imports that are not allowed; packages in `inside` are allowed only inside functions."""
    known = set(sys.stdlib_module_names) | OWN | anywhere
    return {
        f"{path.relative_to(ROOT)}: {name}"
        for path in paths
        for name, is_inside in imports(ast.parse(path.read_text()))
        if name not in (known | inside if is_inside else known)
    }


def test_the_package_imports_requirements_anywhere_and_extras_only_inside_functions():
    assert len(PACKAGED) > 80
    assert not undeclared(PACKAGED, anywhere=REQUIRED, inside=OPTIONAL)


def test_benchmarks_soak_tests_and_tools_import_what_is_declared():
    assert len(BESIDE) > 10
    assert not undeclared(BESIDE, anywhere=REQUIRED | OPTIONAL, inside=set())


def test_the_package_imports_nothing_from_the_folders_beside_it():
    beside = (OWN | {"examples", "tests", "main"}) - {"finjax"}
    assert not [
        f"{path}: {name}"
        for path in (ROOT / "finjax").rglob("*.py")
        for name, _ in imports(ast.parse(path.read_text()))
        if name in beside
    ]


def test_every_requirement_is_used():
    used = {name for path in PACKAGED for name, _ in imports(ast.parse(path.read_text()))}
    assert used >= REQUIRED


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("import torch", {"torch"}),
        ("if True:\n    import torch", {"torch"}),
        ("class A:\n    import torch.nn", {"torch"}),
        ("def f():\n    import torch", set()),
        ("def f():\n    import requests", {"requests"}),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch", set()),
        ("import jax, sklearn.svm\nfrom orbax.checkpoint import x", set()),
    ],
)
def test_undeclared_imports_are_found(tmp_path, monkeypatch, code, found):
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    path = tmp_path / "module.py"
    path.write_text(code)
    assert undeclared([path], anywhere=REQUIRED, inside=OPTIONAL) == {f"module.py: {name}" for name in found}
