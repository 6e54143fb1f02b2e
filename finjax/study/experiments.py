"""The experiments of a study: one method on one subject under one condition, each the result of one run."""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

from ml_collections import ConfigDict

from finjax.configs.feature_list import parse_features
from finjax.data.durations import to_samples
from finjax.data.splits import Split
from finjax.errors import ConfigError
from finjax.study.dataset import dataset_of
from finjax.study.methods import RANDOM, features_of, method_config, names_in

PARTS = ("within", "cross", "horizon", "length")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Experiment:
    """One method on one subject, in one part of the study.

    Attributes:
        part: one of `PARTS`.
        method: name of the method.
        subject: number of the subject.
        percentage: share of the subject's tuning windows that the method is fitted to.
        horizon_ms: how far ahead the method recognises movements.
        window_ms: window length; 0: that of the study.
        run: name of the run that gives the result.
    """

    part: str
    method: str
    subject: int
    percentage: float = 100.0
    horizon_ms: float = 0.0
    window_ms: float = 0.0
    run: str

    @property
    def is_plain(self) -> bool:
        """Whether it recognises the current window, at the study's window length."""
        return not self.horizon_ms and not self.window_ms


class FINRun(NamedTuple):
    """A run that trains a FIN: the feature, the horizon, and the window length (0: that of the study)."""

    feature: str
    horizon_ms: float = 0.0
    window_ms: float = 0.0

    @property
    def run(self) -> str:
        """The name of the run."""
        window = f"_window_{self.window_ms:g}_ms" if self.window_ms else ""
        return f"fin/{self.feature}/{self.horizon_ms:g}_ms{window}"


def within_run(method: str, subject: int) -> str:
    """Returns the name of the run of a method on a subject's own tuning windows."""
    return f"within/{method}/subject_{subject}"


def make_experiments(config: ConfigDict, split: Split) -> list[Experiment]:
    """Returns the experiments of a study, in the order of its tables.

    Raises:
        ConfigError: a method does not exist, or a study across subjects has no seen or no unseen subjects.
    """
    return [*_within(config, split), *_cross(config, split), *_horizon(config, split), *_length(config, split)]


def _within(config: ConfigDict, split: Split) -> list[Experiment]:
    return [
        Experiment(part="within", method=method, subject=subject, run=within_run(method, subject))
        for method in names_in(config, "within")
        for subject in split.subjects
    ]


def _cross(config: ConfigDict, split: Split) -> list[Experiment]:
    methods, percentages = names_in(config, "cross"), tuple(config.percentages)
    if methods and not (split.seen_subjects and split.unseen_subjects):
        raise ConfigError(
            f"--config.cross={config.cross}: this part needs seen and unseen subjects; there are "
            f"{len(split.seen_subjects)} seen and {len(split.unseen_subjects)} unseen. Choose the seen ones with "
            "--config.data.seen_subjects, or leave this part out with --config.cross="
        )
    return [
        Experiment(
            part="cross",
            method=method,
            subject=subject,
            percentage=float(percentage),
            run=f"cross/{method}/{percentage:g}_percent/subject_{subject}",
        )
        for method in methods
        for percentage in percentages
        if percentage or can_be_zero_shot(config, method)
        for subject in split.unseen_subjects
    ]


def _horizon(config: ConfigDict, split: Split) -> list[Experiment]:
    horizons = tuple(config.horizons)
    return [
        Experiment(
            part="horizon",
            method=method,
            subject=subject,
            horizon_ms=float(ms),
            # The runs within subjects are those at 0 ms.
            run=f"horizon/{method}/{ms:g}_ms/subject_{subject}" if ms else within_run(method, subject),
        )
        for method in names_in(config, "horizon")
        for ms in horizons
        for subject in split.subjects
    ]


def _length(config: ConfigDict, split: Split) -> list[Experiment]:
    lengths = tuple(config.lengths)
    methods = names_in(config, "length")
    own_ms = study_window_ms(config) if methods else 0.0
    return [
        Experiment(
            part="length",
            method=method,
            subject=subject,
            window_ms=0.0 if ms == own_ms else float(ms),
            run=within_run(method, subject) if ms == own_ms else f"length/{method}/{ms:g}_ms/subject_{subject}",
        )
        for method in methods
        for ms in lengths
        for subject in split.subjects
    ]


def study_window_ms(config: ConfigDict) -> float:
    """Returns the window length of the study."""
    rate_hz = dataset_of(config.data).rate_hz
    return 1000 * to_samples(config.window, rate_hz, option="--config.window") / rate_hz


def can_be_zero_shot(config: ConfigDict, method: str) -> bool:
    """Whether a method can recognise movements of a subject that it is not tuned to."""
    one = method_config(config, method)
    return one.stage != "classical" and not (one.stage == "fine_tune" and one.fine_tune.fin_init == RANDOM)


def fin_runs_of(config: ConfigDict, experiments: Sequence[Experiment]) -> list[FINRun]:
    """Returns the runs of FINs: those of `config.fins`, and those that the experiments need.

    Raises:
        ConfigError: `config.fins` has an unknown feature.
    """
    features = parse_features(config.fins, field="fins") if config.fins.strip() else ()
    fins = {FINRun(feature): None for feature in features}
    conditions = {(one.method, one.horizon_ms, one.window_ms): None for one in experiments}
    for method, horizon_ms, window_ms in conditions:
        fins |= {FINRun(feature, horizon_ms, window_ms): None for feature in features_of(config, method)}
    return sorted(fins, key=lambda fin: fin[1:])
