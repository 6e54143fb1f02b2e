"""Loads the signals that a configuration asks for: finds the dataset, reads the subjects of the split, packs them."""

import dataclasses
import functools
import logging
import time
from collections.abc import Collection, Iterable, Sequence

import numpy as np

from finjax.data import bids, duplicates, filters, ninapro, synthetic, three_dc, xdf  # noqa: F401  (they register)
from finjax.data.combined import gather_summaries, share_samples
from finjax.data.durations import describe_rounding, to_samples
from finjax.data.loading import refuse_bad, refuse_lookalikes, try_recordings
from finjax.data.number_lists import format_numbers, parse_numbers
from finjax.data.recording import Recording
from finjax.data.registry import DatasetSpec, Filter, Splits, get_dataset, get_spec, registered_names
from finjax.data.settings import DataSettings
from finjax.data.splits import Split, resolve_split
from finjax.data.windows import Framing, RecordingSummary, SignalStore, pack
from finjax.errors import DataError, Naming, option_of
from finjax.system import processes
from finjax.system.console import log_once

logger = logging.getLogger(__name__)

SPLIT_FIELDS = tuple(field.name for field in dataclasses.fields(Splits))


def find_split(settings: DataSettings, *, option: Naming = option_of) -> Split:
    """Returns the split of the existing subjects in `settings.subjects`; reads no recording.

    Args:
        settings: the dataset and its split.
        option: returns the option that sets the folder `data.dir`, for messages.

    Raises:
        DataError: the dataset is unknown or missing, or the split does not match it.
    """
    overrides = {field: getattr(settings, field) for field in SPLIT_FIELDS}
    if settings.name == synthetic.NAME:
        defaults, found = synthetic.SPLITS, range(1, settings.synthetic.subjects + 1)
    else:
        spec = spec_of(settings, option=option)
        defaults, found = spec.splits, spec.find(settings.dir, option=option)
    return resolve_split(defaults, found, **overrides).only(_wanted(settings, found))


def load_store(
    settings: DataSettings, *, subjects: Collection[int] | None = None, option: Naming = option_of
) -> tuple[SignalStore, Split]:
    """Reads (or generates) the recordings of the subjects in the split; several processes share the work.

    Args:
        settings: the dataset and its split.
        subjects: the subjects to read; by default all.
        option: as in `find_split`.

    Returns:
        The signals, and the split of these subjects.

    Raises:
        DataError: the dataset is unknown, missing, damaged or another one, or the split does not match it or has the
            same samples in both parts.
    """
    started = time.perf_counter()
    split = find_split(settings, option=option)
    if subjects is not None:
        split = split.only(subjects)
    recordings, bad = _read(settings, processes.own_part(split.subjects))
    summaries, bad = gather_summaries(recordings, bad, split=split)
    if bad:
        refuse_bad(spec_of(settings), good=[summary.subject for summary in summaries], bad=bad, option=option)
    if settings.name != synthetic.NAME:
        spec, cache_dir = spec_of(settings), settings.cache_dir or None
        refuse_lookalikes(spec, settings.dir, summaries, filter=filter_of(settings), cache_dir=cache_dir, option=option)
    groups = duplicates.find(summaries)
    duplicates.refuse_leaks(groups, split)
    store = pack(recordings, summaries)
    share_samples(store)
    notes = [f"subject {summary.subject}: {note}" for summary in summaries for note in summary.notes]
    _report(store, split, notes + duplicates.describe(groups), started=started)
    return store, split


def find_copies(settings: DataSettings, subjects: Collection[int]) -> list[duplicates.Group]:
    """Returns the groups of segments of some subjects with the same samples; skips subjects without files.

    Args:
        settings: the dataset and its split.
        subjects: the subjects.
    """
    if settings.name == synthetic.NAME:
        return []  # generated, not copied
    found = set(subjects).intersection(spec_of(settings).find(settings.dir))
    where = settings.name, settings.dir, settings.cache_dir, filter_of(settings)
    summaries = (_summary_of(*where, subject) for subject in sorted(found))
    return duplicates.find(summary for summary in summaries if summary)


def warn_of_copies(settings: DataSettings, subjects: Collection[int]) -> None:
    """Warns of segments of some subjects with the same samples, where each subject has its own model.

    Args:
        settings: the dataset and its split.
        subjects: the subjects.
    """
    if len(subjects) > 1 and processes.is_first():
        for line in duplicates.describe(find_copies(settings, subjects)):
            logger.warning(line)


@functools.lru_cache(maxsize=1024)  # the decoders of forty people need the same other subjects
def _summary_of(name: str, folder: str, cache_dir: str, chosen: Filter, subject: int) -> RecordingSummary | None:
    """Returns the summary of a subject's recording; None if it cannot be read."""
    recordings, _ = try_recordings(
        get_spec(name, folder), folder, subjects=(subject,), filter=chosen, cache_dir=cache_dir or None, progress=False
    )
    return RecordingSummary.of(recordings[0]) if recordings else None


def _read(settings: DataSettings, subjects: Sequence[int]) -> tuple[list[Recording], dict[int, str]]:
    """Returns the recordings of some subjects, and why the others cannot be read."""
    chosen = filter_of(settings)
    if settings.name == synthetic.NAME:
        return [_filtered(synthetic.generate(subject, settings.synthetic), chosen) for subject in subjects], {}
    return try_recordings(
        spec_of(settings),
        settings.dir,
        subjects=subjects,
        filter=chosen,
        cache_dir=settings.cache_dir or None,
        progress=processes.is_first(),
    )


def _report(store: SignalStore, split: Split, notes: Sequence[str], *, started: float) -> None:
    if not processes.is_first():
        return
    for note in notes:
        logger.warning(note)
    logger.info(
        "%s: subjects %s (unseen: %s), %d channels, %.1f minutes of movement, ready in %.1f s",
        store.dataset,
        format_numbers(split.subjects),
        format_numbers(split.unseen_subjects) or "none",
        len(store.channel_names),
        np.diff(store.segments[:, :2]).sum() / store.rate_hz / 60,
        time.perf_counter() - started,
    )


def dataset_names() -> tuple[str, ...]:
    """Returns the names of all datasets: the registered ones and the synthetic one."""
    return (*registered_names(), synthetic.NAME)


def spec_of(settings: DataSettings, *, option: Naming = option_of) -> DatasetSpec:
    """Returns the specification of the dataset in `settings`, which is not the synthetic one.

    Args:
        settings: the dataset and its folder.
        option: as in `find_split`.

    Raises:
        DataError: the dataset is unknown; or its folder must describe it, and does not.
    """
    return get_spec(settings.name, settings.dir, option=option)


def rate_of(settings: DataSettings) -> float:
    """Returns the sampling rate in Hz of the dataset in `settings`; reads no samples; raises as `spec_of`."""
    return synthetic.RATE_HZ if settings.name == synthetic.NAME else spec_of(settings).rate_hz


def channels_of(settings: DataSettings) -> int:
    """Returns the number of channels of the dataset in `settings`; reads no samples; raises as `spec_of`."""
    return len(synthetic.CHANNEL_NAMES if settings.name == synthetic.NAME else spec_of(settings).channel_names)


def filter_of(settings: DataSettings) -> Filter:
    """Returns the dataset's filter with the changes of `settings.filter`: None keeps the default, 0 is off."""
    default = Filter() if settings.name == synthetic.NAME else get_dataset(settings.name).filter

    def edge(field: str) -> float | None:
        own = getattr(settings.filter, field)
        return getattr(default, field) if own is None else own or None

    return Filter(highpass_hz=edge("highpass_hz"), lowpass_hz=edge("lowpass_hz"), notch_hz=edge("notch_hz"))


def gives_envelope(settings: DataSettings) -> bool:
    """Returns whether the dataset's signals are rectified envelopes."""
    return settings.name != synthetic.NAME and get_dataset(settings.name).envelope


def framing_of(*, window: str, step: str, rate_hz: float, horizon: int) -> Framing:
    """Returns window length and step, as `"300ms"` or `"600"` (samples), in samples at `rate_hz`.

    Durations are rounded to whole samples; the log says so once.

    Raises:
        ConfigError: `window` or `step` is not a duration.
    """
    for field, duration in (("window", window), ("step", step)):
        rounding = describe_rounding(duration, rate_hz, option=f"--config.{field}")
        if rounding and processes.is_first():
            log_once(logger, rounding, level=logging.INFO)
    return Framing(
        length=to_samples(window, rate_hz, option="--config.window"),
        step=to_samples(step, rate_hz, option="--config.step"),
        horizon=horizon,
    )


def _wanted(settings: DataSettings, found: Iterable[int]) -> tuple[int, ...]:
    found = tuple(found)
    wanted = parse_numbers(settings.subjects) or found
    if missing := sorted(set(wanted) - set(found)):
        raise DataError(
            f"--config.data.subjects={settings.subjects}: no data of subjects {format_numbers(missing)}; "
            f"there are {format_numbers(found)}"
        )
    return wanted


def _filtered(recording: Recording, chosen: Filter) -> Recording:
    return dataclasses.replace(recording, signal=filters.apply(chosen, recording.signal, recording.rate_hz))
