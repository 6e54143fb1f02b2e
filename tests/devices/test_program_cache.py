"""JAX's folder of compiled programs: broken entries are replaced, and trouble is one warning."""

import logging
import warnings

import jax
import numpy as np
import pytest
from jax.experimental.compilation_cache import compilation_cache

from finjax.devices import parallel
from finjax.devices.program_cache import ProgramCache


@pytest.fixture
def folder(tmp_path):
    """JAX keeps every program there, and this session's where it did before."""
    names = ("jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs")
    before = {name: getattr(jax.config, name) for name in names}
    folder = tmp_path / "programs"
    jax.config.update(names[0], str(folder))
    jax.config.update(names[1], 0.0)
    compilation_cache.reset_cache()
    with warnings.catch_warnings():  # which puts back what shows them
        ProgramCache(folder).take_over()
        yield folder
    for name, value in before.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()


def compute() -> float:
    """Runs a program that no process has compiled for itself yet."""

    def kept(x):
        return 3 * x + 1

    return float(jax.jit(kept)(np.float32(2)))


def entries(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("jit_kept-*-cache")}


@pytest.mark.parametrize(
    "damage", [lambda content: content[: len(content) // 2], lambda content: b"", lambda content: b"\0" * len(content)]
)
def test_a_broken_entry_is_written_again_without_a_warning(folder, damage, caplog):
    assert compute() == 7
    ((name, whole),) = entries(folder).items()
    (folder / name).write_bytes(damage(whole))
    with caplog.at_level(logging.INFO, "finjax"):
        assert compute() == 7
    assert "is broken, and compiled again: jit_kept" in caplog.text
    assert entries(folder)[name] != damage(whole)
    caplog.clear()
    with caplog.at_level(logging.INFO, "finjax"):
        assert compute() == 7
    assert caplog.records == []


def test_a_folder_that_cannot_be_used_is_one_warning(folder, caplog):
    folder.write_text("a file")
    compute()
    warnings.warn("Error writing persistent compilation cache entry for 'jit_x': OSError: No space left", stacklevel=1)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert f"compiled programs cannot be kept in {folder}" in caplog.text


def test_what_may_not_be_read_is_not_removed(folder, caplog):
    compute()
    before = entries(folder)
    for kind in ("PermissionError", "OSError", "MemoryError"):
        text = f"Error reading persistent compilation cache entry for 'jit_kept': {kind}: no"
        warnings.warn(text, stacklevel=1)
    assert entries(folder) == before and len(caplog.records) == 1


def test_other_warnings_are_shown(monkeypatch):
    shown = []
    with warnings.catch_warnings():
        monkeypatch.setattr(warnings, "showwarning", lambda message, *rest: shown.append(str(message)))
        ProgramCache(None).take_over()
        warnings.simplefilter("always")
        warnings.warn("something else", stacklevel=1)
    assert shown == ["something else"]


def test_a_folder_that_jax_was_told_of_is_looked_after_too(folder, tmp_path, monkeypatch):
    looked_after = []
    monkeypatch.setattr(parallel, "ProgramCache", lambda path: looked_after.append(path) or ProgramCache(path))
    parallel.keep_programs(tmp_path / "own")
    assert looked_after == [folder]
    assert jax.config.jax_compilation_cache_dir == str(folder)
