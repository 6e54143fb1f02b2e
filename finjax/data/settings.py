"""Typed settings of the data."""

import dataclasses

from finjax.data.synthetic import Settings as SyntheticSettings


@dataclasses.dataclass(frozen=True, kw_only=True)
class FilterSettings:
    """Cut-off frequencies of the zero-phase filter in Hz: None keeps the dataset's default, 0 switches it off."""

    highpass_hz: float | None = None
    lowpass_hz: float | None = None
    notch_hz: float | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataSettings:
    """The recordings to read, and the split of their subjects and repetitions: `config.data`.

    Attributes:
        name: a registered dataset, or `"synthetic"`.
        dir: folder of its files, searched to any depth.
        cache_dir: folder of the cache; empty: the default folder.
        subjects: number list of the subjects to use, as `"1-3,5"`; empty: all.
        seen_subjects: number list; for this and the next five, empty means the dataset's default.
        unseen_subjects: number list.
        train_repetitions: number list, of FINs.
        seen_tune_repetitions: number list, of decoders of seen subjects.
        unseen_tune_repetitions: number list, of decoders of unseen subjects.
        test_repetitions: number list, or `"none"`.
        filter: changes to the dataset's filter.
        synthetic: size of the synthetic dataset.
    """

    name: str = "synthetic"
    dir: str = ""
    cache_dir: str = ""
    subjects: str = ""
    seen_subjects: str = ""
    unseen_subjects: str = ""
    train_repetitions: str = ""
    seen_tune_repetitions: str = ""
    unseen_tune_repetitions: str = ""
    test_repetitions: str = ""
    filter: FilterSettings = dataclasses.field(default_factory=FilterSettings)
    synthetic: SyntheticSettings = dataclasses.field(default_factory=SyntheticSettings)
