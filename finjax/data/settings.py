"""What a configuration says of the data, as typed values."""

import dataclasses

from finjax.data.synthetic import Settings as SyntheticSettings


@dataclasses.dataclass(frozen=True, kw_only=True)
class FilterSettings:
    """Cut-off frequencies of the zero-phase filter in Hz: None keeps the dataset's own, 0 switches one off."""

    highpass_hz: float | None = None
    lowpass_hz: float | None = None
    notch_hz: float | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataSettings:
    """Which recordings to read, and how their subjects and repetitions are split: `config.data`.

    Attributes:
        name: a registered dataset, or `"synthetic"`.
        dir: folder of its files, searched to any depth.
        cache_dir: where read recordings are kept; empty: the default folder.
        subjects: number list such as `"1-3,5"` of those to use; empty: all there are.
        seen_subjects: number list; empty, here and below: the dataset's own.
        unseen_subjects: number list.
        train_repetitions: number list, of FINs.
        seen_tune_repetitions: number list, of decoders of seen subjects.
        unseen_tune_repetitions: number list, of decoders of unseen subjects.
        test_repetitions: number list.
        filter: changes to the dataset's filter.
        synthetic: how much to generate, of the synthetic dataset.
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
