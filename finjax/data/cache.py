"""Caches recordings: each is read and filtered once, and memory-mapped from then on.

An entry is a folder `{cache folder}/{dataset}/subject_{n}-{key}` with `signal.npy`, `movement.npy`, `repetition.npy`,
`sketches.npy` and `source.json`, which names the source files. An entry is complete or absent. A damaged entry is not
an error: the recording is built again.
"""

import dataclasses
import hashlib
import inspect
import json
import logging
import os
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from finjax.data.recording import Recording
from finjax.data.registry import DatasetSpec, Filter
from finjax.errors import StorageError
from finjax.system.console import log_once
from finjax.system.files import expanded
from finjax.system.paths import refuse_url

logger = logging.getLogger(__name__)

READER_VERSION = 4  # raise it when the same files and filter give other arrays or notes
FACTS = ("piece_starts", "notes", "resembles")
ARRAYS = ("signal", "movement", "repetition", "sketches")


def default_folder() -> Path | None:
    """Returns `$FINJAX_CACHE_DIR`, or else `~/.cache/finjax`; None, with a warning, without a home folder."""
    refuse_url(os.environ.get("FINJAX_CACHE_DIR", ""), option="FINJAX_CACHE_DIR")
    try:
        return expanded(os.environ.get("FINJAX_CACHE_DIR") or "~/.cache/finjax")
    except StorageError:
        log_once(logger, "recordings are not cached: this user has no home folder. Set FINJAX_CACHE_DIR to a folder")
        return None


def cached(
    spec: DatasetSpec,
    subject: int,
    paths: tuple[Path, ...],
    build: Callable[[], Recording],
    *,
    filter: Filter,
    cache_dir: str | Path | None = None,
) -> Recording:
    """Returns a subject's recording from the cache, or builds and stores it.

    Args:
        spec: the dataset.
        subject: number of the subject.
        paths: the files that `build` reads.
        build: makes the recording if the cache does not have it.
        filter: the filter that `build` applies.
        cache_dir: the cache folder; by default `default_folder()`.

    Returns:
        The recording, its arrays memory-mapped; if the cache folder cannot be written, in memory, with a warning.

    Raises:
        OSError: a source file cannot be read.
    """
    folder = expanded(cache_dir) if cache_dir else default_folder()
    if folder is None:
        return build()
    entry = folder / spec.name / f"subject_{subject}-{_key(spec, paths, filter)}"
    if (recording := _load(entry, spec, subject, paths)) is not None:
        return recording
    # Hashed before reading: if a file changes meanwhile, the next call does not use the entry.
    sources = [_describe(path) | {"sha256": _sha256(path)} for path in paths]
    recording = build()
    try:
        _store(entry, recording, sources)
    except OSError as error:
        log_once(logger, f"recordings cannot be cached in {folder} ({error.strerror or error}). Set FINJAX_CACHE_DIR")
        return recording
    return _load(entry, spec, subject, paths) or recording


def _key(spec: DatasetSpec, paths: tuple[Path, ...], filter: Filter) -> str:
    """Hashes everything that the arrays depend on, except the content of the files."""
    reader = getattr(spec.read, "func", spec.read)  # the function inside a functools.partial
    module = inspect.getmodule(reader)
    try:
        code = inspect.getsource(module) if module else ""  # so that a change of the reader takes effect
    except (OSError, TypeError):
        code = ""
    facts = [
        READER_VERSION,
        [str(path.resolve()) for path in paths],
        dataclasses.asdict(filter),
        [spec.rate_hz, spec.channel_names, spec.movement_names, spec.unit],
        code,
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


def _describe(path: Path) -> dict:
    stat = path.stat()
    return {"path": str(path.resolve()), "size": stat.st_size, "mtime_ns": stat.st_mtime_ns}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _load(entry: Path, spec: DatasetSpec, subject: int, paths: tuple[Path, ...]) -> Recording | None:
    """Returns the entry's recording, or None if it is absent, out of date or damaged."""
    if not entry.is_dir():
        return None
    try:
        source = json.loads((entry / "source.json").read_text(encoding="utf-8"))
        if not _is_current(entry, source, paths):
            return None
        arrays = {}
        for name in ARRAYS:
            file = entry / f"{name}.npy"
            if file.stat().st_size != source["bytes"][name]:
                return None
            arrays[name] = np.load(file, mmap_mode="r", allow_pickle=False)
        facts = {name: tuple(source[name]) for name in FACTS}
        return _recording(spec, subject, **facts, **arrays)
    except Exception as error:  # a damaged entry can raise anything
        logger.debug("cache entry %s is built again: %s", entry, error)
        return None


def _recording(spec: DatasetSpec, subject: int, **fields: Any) -> Recording:
    return Recording(
        dataset=spec.name,
        subject=subject,
        rate_hz=spec.rate_hz,
        channel_names=spec.channel_names,
        movement_names=spec.movement_names,
        unit=spec.unit,
        **fields,
    )


def _is_current(entry: Path, source: dict, paths: tuple[Path, ...]) -> bool:
    """Returns whether the source files are unchanged since the entry was written."""
    touched = False
    for path, stored in zip(paths, source["files"], strict=True):
        now = _describe(path)
        if now["size"] != stored["size"]:
            return False
        if now["mtime_ns"] != stored["mtime_ns"]:  # copied or touched: compare the content
            if _sha256(path) != stored["sha256"]:
                return False
            stored["mtime_ns"] = now["mtime_ns"]
            touched = True
    if touched:
        _update_source(entry, source)
    return True


def _update_source(entry: Path, source: dict) -> None:
    """Stores new modification times, so that the files are not hashed again next time."""
    partial = entry / f".source-{uuid.uuid4().hex}"
    try:
        partial.write_text(json.dumps(source), encoding="utf-8")
        os.replace(partial, entry / "source.json")
    except OSError:
        partial.unlink(missing_ok=True)


def _store(entry: Path, recording: Recording, files: list[dict]) -> None:
    """Writes the entry to a temporary folder, then moves it to its place."""
    entry.parent.mkdir(parents=True, exist_ok=True)
    partial = entry.with_name(f".{entry.name}.{uuid.uuid4().hex}")
    partial.mkdir()
    try:
        sizes = {}
        for name in ARRAYS:
            with (partial / f"{name}.npy").open("wb") as file:
                np.save(file, getattr(recording, name), allow_pickle=False)
                sizes[name] = file.tell()
                file.flush()
                os.fsync(file.fileno())
        source = {"files": files, "bytes": sizes, **{name: getattr(recording, name) for name in FACTS}}
        with (partial / "source.json").open("w", encoding="utf-8") as file:
            json.dump(source, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        _replace(partial, entry)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _replace(partial: Path, entry: Path) -> None:
    """Moves a complete entry to its place; removes an outdated one there first."""
    if entry.exists():
        outdated = entry.with_name(f".{entry.name}.{uuid.uuid4().hex}")
        os.rename(entry, outdated)
        shutil.rmtree(outdated, ignore_errors=True)
    try:
        os.rename(partial, entry)
    except OSError:
        if not entry.is_dir():  # otherwise another process was faster, and its entry is used
            raise
