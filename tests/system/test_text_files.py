"""Text files are UTF-8 whatever the locale is: each call that opens one says so."""

import ast
from collections.abc import Iterator

import pytest
from conftest import ROOT

OPENERS = ("open", "fdopen", "TemporaryFile", "NamedTemporaryFile", "SpooledTemporaryFile")
BINARY_BY_DEFAULT = ("TemporaryFile", "NamedTemporaryFile", "SpooledTemporaryFile")
METHODS = ("read_text", "write_text")
ALWAYS_TEXT = ("FileHandler", "TextIOWrapper", "FileType")
PROCESSES = ("run", "Popen", "check_output", "check_call", "call", "getoutput")
SOURCES = sorted(
    path
    for place in ("main.py", "finjax", "configs", "benchmarks", "soak", "tools", "examples", "docs")
    for path in ([ROOT / place] if place.endswith(".py") else (ROOT / place).rglob("*.py"))
)


def calls_without_encoding(source: str) -> Iterator[int]:
    """Yields the lines of calls that open text in the locale's encoding."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        given = {keyword.arg: keyword.value for keyword in node.keywords}
        if "encoding" in given or None in given:
            continue
        method = name in METHODS and isinstance(node.func, ast.Attribute)
        of_process = name in PROCESSES and {"text", "universal_newlines"} & given.keys()
        if method or of_process or name in ALWAYS_TEXT or (name in OPENERS and _is_text(node, name, given)):
            yield node.lineno


def _is_text(node: ast.Call, name: str, given: dict) -> bool:
    of_path = name == "open" and isinstance(node.func, ast.Attribute)  # path.open(mode), not open(path, mode)
    place = 0 if of_path or name in BINARY_BY_DEFAULT else 1
    mode = given.get("mode") or (node.args[place] if len(node.args) > place else None)
    if mode is None:
        return name not in BINARY_BY_DEFAULT
    return isinstance(mode, ast.Constant) and "b" not in str(mode.value)  # else a member of an archive, or flags


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_text_file_is_utf_8(path):
    assert list(calls_without_encoding(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "call",
    [
        "open(p)", "open(p, 'w')", "p.open()", "p.open('a', buffering=1)", "p.read_text()", "p.write_text(t)",
        "TemporaryFile('w+')", "os.fdopen(1, 'w')", "subprocess.run(c, text=True)", "logging.FileHandler(p)",
    ],
)  # fmt: skip
def test_calls_in_the_encoding_of_the_locale_are_found(call):
    assert list(calls_without_encoding(call)) == [1]


@pytest.mark.parametrize(
    "call",
    [
        "open(p, 'rb')", "p.open('wb')", "p.open(encoding='utf-8')", "archive.open(member)", "p.read_bytes()",
        "TemporaryFile()", "subprocess.run(c)", "subprocess.run(c, text=True, encoding='utf-8')",
    ],
)  # fmt: skip
def test_other_calls_are_not(call):
    assert list(calls_without_encoding(call)) == []
