"""Loads recordings from a folder: finds the subjects, and reads, checks, filters and caches them."""

import dataclasses
import errno
import functools
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from finjax.data import cache, electrodes, filters
from finjax.data.fetched import refuse_unfetched
from finjax.data.lookalikes import common_lookalikes
from finjax.data.number_lists import format_numbers
from finjax.data.recording import UNLABELLED, Recording
from finjax.data.registry import DatasetSpec, Filter, Piece, get_spec
from finjax.data.sketches import sketch
from finjax.data.windows import RecordingSummary
from finjax.errors import DataError, Naming, option_of
from finjax.system.arithmetic import numpy_defaults


@numpy_defaults()
def read_recording(
    spec: DatasetSpec, subject: int, paths: tuple[Path, ...], *, filter: Filter | None = None
) -> Recording:
    """Reads one subject's files into a recording; each piece is filtered separately.

    Args:
        spec: the dataset.
        subject: number of the subject.
        paths: the subject's files, as `spec.find` returns them.
        filter: used instead of `spec.filter`.

    Returns:
        The recording: signal `[N, C]`, `movement` and `repetition` `[N]`.

    Raises:
        DataError: a file cannot be used, or a piece does not fit the dataset's specification.
    """
    filter = spec.filter if filter is None else filter
    where = str(paths[0]) if len(paths) == 1 else f"subject {subject} of {spec.name} in {paths[0].parent}"
    try:
        pieces = list(spec.read(paths))
    except (DataError, OSError):
        raise
    except MemoryError:
        raise DataError(f"{where}: not enough memory to read it") from None
    except Exception as error:  # a user's reader can raise anything
        raise DataError(f"{where}: the reader of {spec.name} failed ({type(error).__name__}: {error})") from error
    if not pieces:
        raise DataError(f"{where}: it has no signal")
    filtered = []
    for number, piece in enumerate(pieces, start=1):
        try:
            _check(piece, spec)
            with np.errstate(over="ignore", invalid="ignore"):  # it becomes infinite, which is refused
                filtered.append(filters.apply(filter, np.asarray(piece.signal), spec.rate_hz))
            _refuse_infinite(filtered[-1])
        except DataError as error:
            which = "" if len(pieces) == 1 else f", piece {number} of {len(pieces)}"
            raise DataError(f"{where}{which}: {error}") from None
    raw = [np.asarray(piece.signal) for piece in pieces]
    faults = electrodes.describe_faults(raw, spec.channel_names)
    lengths = [len(signal) for signal in filtered]
    recording = Recording(
        dataset=spec.name,
        subject=subject,
        signal=np.concatenate(filtered),
        movement=np.concatenate([np.asarray(piece.movement, np.int16) for piece in pieces]),
        repetition=np.concatenate([np.asarray(piece.repetition, np.int16) for piece in pieces]),
        rate_hz=spec.rate_hz,
        channel_names=spec.channel_names,
        movement_names=spec.movement_names,
        unit=spec.unit,
        notes=(*(note for piece in pieces for note in piece.notes), *faults),
        resembles=tuple(sorted(set.intersection(*(set(piece.resembles) for piece in pieces)))),
        piece_starts=tuple(int(start) for start in np.cumsum([0, *lengths[:-1]])),
    )
    return dataclasses.replace(recording, sketches=sketch(raw, recording.segments()))


def _check(piece: Piece, spec: DatasetSpec) -> None:
    """Refuses a piece whose arrays do not match each other or the dataset."""
    signal = np.asarray(piece.signal)
    channels = len(spec.channel_names)
    if signal.ndim != 2 or signal.shape[1] != channels or not len(signal):
        raise DataError(f"the signal must be [samples, {channels} channels], not {list(signal.shape)}")
    if signal.dtype.kind not in "iuf":
        raise DataError(f"the signal must be real numbers, not {signal.dtype}")
    for name in ("movement", "repetition"):
        labels = np.asarray(getattr(piece, name))
        if labels.shape != (len(signal),) or labels.dtype.kind not in "iu":
            raise DataError(
                f"{name} must have one integer for each of the {len(signal)} samples, "
                f"not {labels.dtype} {list(labels.shape)}"
            )
    # They become int16, where a larger number would wrap around.
    _refuse_outside(piece.movement, UNLABELLED, len(spec.movement_names) - 1, "movement indices are")
    _refuse_outside(piece.repetition, np.iinfo(np.int16).min, np.iinfo(np.int16).max, "repetitions are")
    _refuse_infinite(signal)


def _refuse_outside(labels: np.ndarray, first: int, last: int, what: str) -> None:
    low, high = int(np.min(labels)), int(np.max(labels))
    if not first <= low <= high <= last:
        raise DataError(f"{what} {low} to {high}; allowed are {first} to {last}")


def _refuse_infinite(signal: np.ndarray) -> None:
    if not np.isfinite(signal).all():
        sample, channel = np.argwhere(~np.isfinite(signal))[0]
        raise DataError(f"the signal is not finite, first at sample {sample} of channel {channel + 1}")


def load_recordings(
    spec: DatasetSpec,
    folder: str | Path,
    *,
    subjects: Iterable[int] | None = None,
    filter: Filter | None = None,
    cache_dir: str | Path | None = None,
    progress: bool = True,
    option: Naming = option_of,
) -> list[Recording]:
    """Loads subjects of a dataset from a folder, through the cache.

    Args:
        spec: the dataset.
        folder: it has the dataset's files, at any depth.
        subjects: numbers of the subjects; by default all in the folder.
        filter: used instead of `spec.filter`.
        cache_dir: the cache folder, by default `cache.default_folder()`.
        progress: show a progress bar on stderr, if that is a terminal.
        option: returns the option that sets a field, such as `data.dir`, for messages.

    Returns:
        Recordings by ascending subject; their arrays are memory-mapped.

    Raises:
        DataError: the folder or a subject is missing, subjects cannot be read, or all are of another dataset. All
            subjects are tried first; the message names each bad one, and how to leave them out.

    Example:
        >>> from finjax.data.ninapro import write_mat
        >>> from finjax.data.synthetic import Settings, generate
        >>> Path("recordings").mkdir()
        >>> write_mat(generate(1, Settings(movement_s=1.0, rest_s=0.1)), "recordings/S1_E1_A1.mat")
        >>> (recording,) = load_recordings(get_spec("ninapro_db2"), "recordings", cache_dir="cache", progress=False)
        >>> recording.subject, recording.signal.shape
        (1, (224400, 12))
    """
    recordings, bad = try_recordings(
        spec, folder, subjects=subjects, filter=filter, cache_dir=cache_dir, progress=progress, option=option
    )
    refuse_bad(spec, good=[recording.subject for recording in recordings], bad=bad, option=option)
    refuse_lookalikes(spec, folder, recordings, filter=filter, cache_dir=cache_dir, option=option)
    return recordings


def refuse_lookalikes(
    spec: DatasetSpec,
    folder: str | Path,
    read: Sequence[Recording | RecordingSummary],
    *,
    filter: Filter | None = None,
    cache_dir: str | Path | None = None,
    option: Naming = option_of,
) -> None:
    """Raises `DataError` if every subject of a folder looks like one of another dataset.

    Args:
        spec, folder, filter, cache_dir, option: as in `load_recordings`.
        read: the subjects that were read. If all of them are suspect, the others of the folder are read too, up to
            the first that is not.
    """

    def others() -> Iterable[Recording]:
        for subject in sorted(set(spec.find(folder)) - {recording.subject for recording in read}):
            recordings, _ = try_recordings(
                spec, folder, subjects=(subject,), filter=filter, cache_dir=cache_dir, progress=False
            )
            yield from recordings

    if names := common_lookalikes(read, others()):
        movements = len(get_spec(names[0]).movement_names)
        options = " or ".join(f"{option('data.name')}={name}" for name in names)
        raise DataError(
            f"the files below {folder} are not of {spec.name}: no subject has more than {movements} movements, "
            f"but {spec.name} has {len(spec.movement_names)}. They look like {' or '.join(names)}: use {options}"
        )


def refuse_bad(spec: DatasetSpec, *, good: Sequence[int], bad: Mapping[int, str], option: Naming = option_of) -> None:
    """Raises `DataError` if subjects cannot be read; names each, and how to leave them out.

    Args:
        spec: the dataset.
        good: subjects that can be read.
        bad: by subject, why the others cannot be read.
        option: as in `load_recordings`.
    """
    if not bad:
        return
    remedy = (
        f"Repair these files, or use only the good subjects: {option('data.subjects')}={format_numbers(good)}"
        if good
        else "No subject can be read: repair the files first."
    )
    listed = "\n".join(f"  subject {subject}: {message}" for subject, message in bad.items())
    raise DataError(f"{len(bad)} of {len(bad) + len(good)} subjects of {spec.name} cannot be read:\n{listed}\n{remedy}")


@numpy_defaults()
def try_recordings(
    spec: DatasetSpec,
    folder: str | Path,
    *,
    subjects: Iterable[int] | None = None,
    filter: Filter | None = None,
    cache_dir: str | Path | None = None,
    progress: bool = True,
    unreadable: list[str] | None = None,
    option: Naming = option_of,
) -> tuple[list[Recording], dict[int, str]]:
    """Loads the subjects that can be read: like `load_recordings`, but returns the bad subjects instead of raising.

    Args:
        spec, folder, subjects, filter, cache_dir, progress, option: as in `load_recordings`.
        unreadable: as in `DatasetSpec.find`.

    Returns:
        The recordings by ascending subject, and for each subject that cannot be read, why.

    Raises:
        DataError: the folder or one of `subjects` is missing, or the filter is impossible.
    """
    filter = spec.filter if filter is None else filter
    filters.design(filter, spec.rate_hz)  # a bad filter is not an error of a subject
    found = spec.find(folder, unreadable=unreadable, option=option)
    wanted = sorted(found) if subjects is None else sorted(set(subjects))
    if missing := set(wanted) - set(found):
        raise DataError(
            f"{spec.name} in {folder} has no subject {format_numbers(missing)}; "
            f"requested: {format_numbers(wanted)}, found: {format_numbers(found)}"
        )
    recordings: list[Recording] = []
    bad: dict[int, str] = {}
    bar = tqdm(wanted, desc=spec.name, unit="subject", file=sys.stderr, disable=None if progress else True)
    for subject in bar:
        paths = found[subject]

        build = functools.partial(read_recording, spec, subject, paths, filter=filter)
        try:
            refuse_unfetched(paths)
            recordings.append(cache.cached(spec, subject, paths, build, filter=filter, cache_dir=cache_dir))
        except (DataError, OSError) as error:
            bad[subject] = str(error) + _remedy(error)
    return recordings, bad


def _remedy(error: Exception) -> str:
    if isinstance(error, PermissionError):
        return ". Ask the owner of the file for permission to read it"
    if isinstance(error, OSError) and error.errno in (errno.EIO, errno.ESTALE):
        return ". The disk or the network failed: run the same command again"
    return ""
