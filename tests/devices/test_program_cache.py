"""JAX's folder of compiled programs: broken entries are replaced, and other errors give one warning."""

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
    """JAX stores every program in this folder during the test."""
    names = ("jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs")
    before = {name: getattr(jax.config, name) for name in names}
    folder = tmp_path / "programs"
    jax.config.update(names[0], str(folder))
    jax.config.update(names[1], 0.0)
    compilation_cache.reset_cache()
    with warnings.catch_warnings():  # restores warnings.showwarning
        ProgramCache(folder).take_over()
        yield folder
    for name, value in before.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()


def compute() -> float:
    """Compiles and runs a new function, which JAX has not cached in memory."""

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
    assert "is broken and is compiled again: jit_kept" in caplog.text
    assert entries(folder)[name] != damage(whole)
    caplog.clear()
    with caplog.at_level(logging.INFO, "finjax"):
        assert compute() == 7
    assert caplog.records == []


def test_an_unusable_folder_gives_one_warning(folder, caplog):
    folder.write_text("a file")
    compute()
    warnings.warn("Error writing persistent compilation cache entry for 'jit_x': OSError: No space left", stacklevel=1)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert f"compiled programs cannot be stored in {folder}" in caplog.text


def test_an_entry_that_the_machine_cannot_read_is_not_removed(folder, caplog):
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


def test_the_folder_that_jax_already_uses_is_kept_usable_too(folder, tmp_path, monkeypatch):
    handled = []
    monkeypatch.setattr(parallel, "ProgramCache", lambda path: handled.append(path) or ProgramCache(path))
    parallel.keep_programs(tmp_path / "own")
    assert handled == [folder]
    assert jax.config.jax_compilation_cache_dir == str(folder)
