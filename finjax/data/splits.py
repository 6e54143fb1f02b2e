"""The split into training and test parts by subject and repetition.

A window lies inside one segment, a segment belongs to one repetition, and a repetition is either tested or not.
Training and test windows therefore share no sample.
"""

import dataclasses
from collections.abc import Iterable

import numpy as np

from finjax.data.number_lists import format_numbers, parse_numbers
from finjax.data.registry import Splits
from finjax.errors import DataError

NO_REPETITIONS = "none"  # as test repetitions: nothing is kept for a test
TEST_PARTS = ("seen", "unseen")  # parts of the test repetitions, by their subjects
REPETITIONS = ("train_repetitions", "test_repetitions", "seen_tune_repetitions", "unseen_tune_repetitions")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Split:
    """A split with the numbers of its subjects and repetitions.

    Attributes:
        seen_subjects: subjects whose training repetitions train the FINs.
        unseen_subjects: subjects that no FIN trains on.
        train_repetitions: repetitions that train the FINs, of seen subjects.
        test_repetitions: repetitions that only the evaluation reads, of all subjects; may be none.
        seen_tune_repetitions: repetitions that tune a decoder to a seen subject.
        unseen_tune_repetitions: repetitions that tune a decoder to an unseen subject.
    """

    seen_subjects: tuple[int, ...]
    unseen_subjects: tuple[int, ...]
    train_repetitions: tuple[int, ...]
    test_repetitions: tuple[int, ...]
    seen_tune_repetitions: tuple[int, ...]
    unseen_tune_repetitions: tuple[int, ...]

    def __post_init__(self) -> None:
        for kind, one, other in (
            ("repetitions", self.train_repetitions, self.test_repetitions),
            ("repetitions", self.seen_tune_repetitions, self.test_repetitions),
            ("repetitions", self.unseen_tune_repetitions, self.test_repetitions),
            ("subjects", self.seen_subjects, self.unseen_subjects),
        ):
            if shared := set(one) & set(other):
                raise DataError(
                    f"{kind} {format_numbers(sorted(shared))} are in both parts of the split: "
                    f"{format_numbers(one)} and {format_numbers(other)}"
                )

    @property
    def subjects(self) -> tuple[int, ...]:
        """All subjects, seen and unseen."""
        return tuple(sorted(self.seen_subjects + self.unseen_subjects))

    def only(self, subjects: Iterable[int]) -> "Split":
        """Returns the split of only these subjects."""
        kept = set(subjects)
        return dataclasses.replace(
            self,
            seen_subjects=tuple(s for s in self.seen_subjects if s in kept),
            unseen_subjects=tuple(s for s in self.unseen_subjects if s in kept),
        )

    def fitting_repetitions(self, subject: int, *, part: str) -> tuple[int, ...]:
        """Returns the repetitions of a subject on which a model may be fitted.

        Args:
            subject: subject number.
            part: `"train"` (for FINs; none of an unseen subject), `"tune"` (for a decoder of this subject) or `"pool"`
                (for a decoder of many subjects: both).
        """
        seen = subject in self.seen_subjects
        train = self.train_repetitions if seen else ()
        tune = self.seen_tune_repetitions if seen else self.unseen_tune_repetitions
        return {"train": train, "tune": tune, "pool": tuple(sorted({*train, *tune}))}[part]

    def select(self, subjects: np.ndarray, repetitions: np.ndarray, *, part: str) -> np.ndarray:
        """Returns the mask of the windows in a part of the split.

        Args:
            subjects: `[n]` subject numbers.
            repetitions: `[n]`.
            part: as in `fitting_repetitions`, or the test repetitions of seen subjects (`"seen"`), unseen subjects
                (`"unseen"`) or all (`"test"`).
        """
        if part in ("seen", "unseen", "test"):
            who = {"seen": self.seen_subjects, "unseen": self.unseen_subjects, "test": self.subjects}[part]
            return np.isin(subjects, who) & np.isin(repetitions, self.test_repetitions)
        mask = np.zeros(len(subjects), bool)
        for subject in self.subjects:
            which = self.fitting_repetitions(subject, part=part)
            mask |= (subjects == subject) & np.isin(repetitions, which)
        return mask


def resolve_split(defaults: Splits, found: Iterable[int], **overrides: str) -> Split:
    """Resolves a dataset's split for the existing subjects.

    Args:
        defaults: the dataset's default split; subjects that were not found are skipped.
        found: the existing subjects.
        **overrides: fields of `Splits` that replace the default if not empty. Their subjects must exist.

    Raises:
        DataError: a subject of `overrides` does not exist, or the parts overlap or are empty.

    Example:
        >>> defaults = Splits(seen_subjects="1-25", train_repetitions="1,3,4", test_repetitions="2,5")
        >>> split = resolve_split(defaults, found=[1, 2, 30])
        >>> split.seen_subjects, split.unseen_subjects
        ((1, 2), (30,))
    """
    found = sorted(found)
    subjects: dict[str, tuple[int, ...]] = {}
    for field in ("seen_subjects", "unseen_subjects"):
        wanted = parse_numbers(overrides.get(field) or getattr(defaults, field))
        missing = sorted(set(wanted) - set(found))
        if missing and overrides.get(field):
            raise DataError(
                f"--config.data.{field}={overrides[field]}: no data of subjects {format_numbers(missing)}; "
                f"there are {format_numbers(found)}"
            )
        subjects[field] = tuple(sorted(set(wanted) & set(found)))
    if not (overrides.get("unseen_subjects") or defaults.unseen_subjects):
        subjects["unseen_subjects"] = tuple(sorted(set(found) - set(subjects["seen_subjects"])))
    chosen = {field: overrides.get(field) or getattr(defaults, field) for field in REPETITIONS}
    if not chosen["test_repetitions"].strip():
        raise DataError("the split has no test repetitions: set --config.data.test_repetitions")
    if chosen["test_repetitions"] == NO_REPETITIONS:
        chosen["test_repetitions"] = ""
    repetitions = {field: parse_numbers(numbers) for field, numbers in chosen.items()}
    for field in ("seen_tune_repetitions", "unseen_tune_repetitions"):
        repetitions[field] = repetitions[field] or repetitions["train_repetitions"]
    return Split(**subjects, **repetitions)
