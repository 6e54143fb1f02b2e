"""The cells of a study's tables: one subject of one method under one condition, and the run that fills it."""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

from ml_collections import ConfigDict

from finjax.configs.feature_list import parse_features
from finjax.data.splits import Split
from finjax.data.windows import to_samples
from finjax.errors import ConfigError
from finjax.study.dataset import dataset_of
from finjax.study.methods import RANDOM, features_of, method_config, names_in

PARTS = ("within", "cross", "horizon", "length")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cell:
    """One number of the study.

    Attributes:
        part: one of `PARTS`.
        method: name of the method.
        subject: whom it recognises.
        percentage: of the subject's tuning windows that it is fitted to.
        horizon_ms: how far ahead it recognises.
        window_ms: length of its windows; 0: the study's own.
        run: name of the run that gives the number.
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
        """Whether it is of the window at hand, at the study's own length."""
        return not self.horizon_ms and not self.window_ms


class FIN(NamedTuple):
    """A FIN of the study: its feature, horizon, and the length of its windows (0: the study's own)."""

    feature: str
    horizon_ms: float = 0.0
    window_ms: float = 0.0

    @property
    def run(self) -> str:
        """The name of its run."""
        window = f"_window_{self.window_ms:g}_ms" if self.window_ms else ""
        return f"fin/{self.feature}/{self.horizon_ms:g}_ms{window}"


def within_run(method: str, subject: int) -> str:
    """Returns the name of the run of a method on a subject's own tuning windows."""
    return f"within/{method}/subject_{subject}"


def make_cells(config: ConfigDict, split: Split) -> list[Cell]:
    """Returns the cells of a study, in the order of its tables.

    Raises:
        ConfigError: a method, percentage or horizon that does not exist, or no unseen subject to cross over to.
    """
    return [*_within(config, split), *_cross(config, split), *_horizon(config, split), *_length(config, split)]


def _within(config: ConfigDict, split: Split) -> list[Cell]:
    return [
        Cell(part="within", method=method, subject=subject, run=within_run(method, subject))
        for method in names_in(config, "within")
        for subject in split.subjects
    ]


def _cross(config: ConfigDict, split: Split) -> list[Cell]:
    methods, percentages = names_in(config, "cross"), tuple(config.percentages)
    if methods and not (split.seen_subjects and split.unseen_subjects):
        raise ConfigError(
            f"--config.cross={config.cross}: from seen to unseen subjects, of which there are "
            f"{len(split.seen_subjects)} and {len(split.unseen_subjects)}: choose them with "
            "--config.data.seen_subjects, or leave this part out with --config.cross="
        )
    return [
        Cell(
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


def _horizon(config: ConfigDict, split: Split) -> list[Cell]:
    horizons = tuple(config.horizons)
    return [
        Cell(
            part="horizon",
            method=method,
            subject=subject,
            horizon_ms=float(ms),
            # 0 ms ahead is what the first part does.
            run=f"horizon/{method}/{ms:g}_ms/subject_{subject}" if ms else within_run(method, subject),
        )
        for method in names_in(config, "horizon")
        for ms in horizons
        for subject in split.subjects
    ]


def _length(config: ConfigDict, split: Split) -> list[Cell]:
    lengths = tuple(config.lengths)
    methods = names_in(config, "length")
    own_ms = window_ms(config) if methods else 0.0
    return [
        Cell(
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


def window_ms(config: ConfigDict) -> float:
    """Returns the length of the study's own windows."""
    rate_hz = dataset_of(config.data).rate_hz
    return 1000 * to_samples(config.window, rate_hz, option="--config.window") / rate_hz


def can_be_zero_shot(config: ConfigDict, method: str) -> bool:
    """Whether a method can recognise a subject that it has seen nothing of."""
    one = method_config(config, method)
    return one.stage != "classical" and not (one.stage == "fine_tune" and one.fine_tune.fin_init == RANDOM)


def fins_of(config: ConfigDict, cells: Sequence[Cell]) -> list[FIN]:
    """Returns the FINs: those asked for and those that the cells need.

    Raises:
        ConfigError: an unknown feature.
    """
    asked = parse_features(config.fins, field="fins") if config.fins.strip() else ()
    fins = {FIN(feature): None for feature in asked}
    needed = {(cell.method, cell.horizon_ms, cell.window_ms): None for cell in cells}
    for method, *where in needed:
        fins |= {FIN(feature, *where): None for feature in features_of(config, method)}
    return sorted(fins, key=lambda fin: fin[1:])
