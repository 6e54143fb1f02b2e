"""The Ninapro databases: channels, sampling rate, exercises and file names of each.

References:
    DB1, DB2, DB3: Atzori et al., "Electromyography data for non-invasive naturally-controlled robotic hand
    prostheses", Scientific Data 1:140053, 2014.
    DB4, DB5: Pizzolato et al., "Comparison of six electromyography acquisition setups on hand movement
    classification tasks", PLoS ONE 12(10):e0186132, 2017.
"""

import dataclasses

from finjax.data.registry import Splits

RING = tuple(f"forearm {number}" for number in range(1, 9))  # equally spaced at the radio-humeral joint
DIGITORUM = ("flexor digitorum superficialis", "extensor digitorum superficialis")
TRIGNO = (*RING, *DIGITORUM, "biceps brachii", "triceps brachii")
MYOS = tuple(f"{place} Myo {number}" for place in ("upper", "lower") for number in range(1, 9))

FINGERS = (
    "index flexion",
    "index extension",
    "middle flexion",
    "middle extension",
    "ring flexion",
    "ring extension",
    "little finger flexion",
    "little finger extension",
    "thumb adduction",
    "thumb abduction",
    "thumb flexion",
    "thumb extension",
)
HAND_AND_WRIST = (
    "thumb up",
    "extension of index and middle, flexion of the others",
    "flexion of ring and little finger, extension of the others",
    "thumb opposing base of little finger",
    "abduction of all fingers",
    "fingers flexed together in fist",
    "pointing index",
    "adduction of extended fingers",
    "wrist supination (axis: middle finger)",
    "wrist pronation (axis: middle finger)",
    "wrist supination (axis: little finger)",
    "wrist pronation (axis: little finger)",
    "wrist flexion",
    "wrist extension",
    "wrist radial deviation",
    "wrist ulnar deviation",
    "wrist extension with closed hand",
)
# Older files of exercise D have these labels for movements 41 to 49. Each finger has a bit: little finger 1, ring 2,
# middle 4, index 8, thumb abduction 16, thumb flexion 32. Pairs of fingers are sums.
OLD_CODES_OF_D = (1, 2, 4, 8, 16, 32, 9, 6, 40)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Exercise:
    """One exercise of a database.

    Attributes:
        letter: its letter in the publication.
        number: its number in file names.
        first_label: the label of its first movement; the others follow.
        movement_names: a name for each label, from `first_label` on.
        other_first_labels: the first label in some other files.
        old_codes: one label per movement, in files that do not number the movements.
    """

    letter: str
    number: int
    first_label: int
    movement_names: tuple[str, ...]
    other_first_labels: tuple[int, ...] = ()
    old_codes: tuple[int, ...] = ()

    @property
    def last_label(self) -> int:
        """The label of the last movement."""
        return self.first_label + len(self.movement_names) - 1

    @property
    def labels(self) -> range:
        """The labels of its movements."""
        return range(self.first_label, self.last_label + 1)

    def classes(self, labels: set[int]) -> dict[int, int] | None:
        """Returns the class index of each label, or None if it is not certain.

        Movements may be absent if labels count from `first_label`. Other ways to count are certain only if no movement
        is absent: 1, 2, 4 and 8 may be four movements counted from 1 or four old codes.

        Args:
            labels: the labels in a file, without 0 (rest).
        """
        count = len(self.movement_names)
        if labels <= set(self.labels):
            return {label: index for index, label in enumerate(self.labels)}
        others = [tuple(range(first, first + count)) for first in self.other_first_labels]
        for codes in (*others, self.old_codes):
            if codes and labels == set(codes):
                return {label: index for index, label in enumerate(codes)}
        return None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Database:
    """One database.

    Attributes:
        name: `DB1` and so on.
        rate_hz: sampling rate.
        channel_names: one name per electrode.
        exercises: the exercises that finjax reads.
        repetitions: of each movement.
        splits: the repetitions of its publication, and the seen subjects.
        citation: the publication to cite.
        file_name: name of the file of one subject and exercise.
        archives: patterns of the archives with one subject's files; group 1 is the subject.
        channel_counts: numbers of columns that `emg` may have.
        envelope: whether `emg` is rectified and smoothed.
        amputees: whether some subjects have no hand, so that movements may be absent.
        remark: important to users; `inspect` prints it.
    """

    name: str
    rate_hz: float
    channel_names: tuple[str, ...]
    exercises: tuple[Exercise, ...]
    repetitions: int
    splits: Splits
    citation: str = "Atzori et al., Scientific Data 1:140053, 2014"
    file_name: str = "S{subject}_E{exercise}_A1.mat"
    archives: tuple[str, ...]
    channel_counts: tuple[int, ...]
    envelope: bool = False
    amputees: bool = False
    remark: str = ""

    def dataset_name(self, exercise: Exercise) -> str:
        """Returns the name in `--config.data.name`; the first exercise has only the database's name."""
        suffix = "" if exercise is self.exercises[0] else f"_{exercise.letter.lower()}"
        return f"ninapro_{self.name.lower()}{suffix}"

    def exercise(self, letter: str) -> Exercise:
        """Returns the exercise with this letter."""
        return next(exercise for exercise in self.exercises if exercise.letter == letter)


def _numbered(first: int, last: int) -> tuple[str, ...]:
    return tuple(f"movement {label}" for label in range(first, last + 1))


# Databases 2, 3 and 7 number the movements of all exercises consecutively.
_NUMBERED_ON = (
    Exercise(letter="B", number=1, first_label=1, movement_names=HAND_AND_WRIST),
    Exercise(letter="C", number=2, first_label=18, movement_names=_numbered(18, 40), other_first_labels=(1,)),
    Exercise(
        letter="D",
        number=3,
        first_label=41,
        movement_names=_numbered(41, 49),
        other_first_labels=(1,),
        old_codes=OLD_CODES_OF_D,
    ),
)
# Databases 1, 4 and 5 start at 1 in each exercise.
_NUMBERED_FROM_1 = (
    Exercise(letter="A", number=1, first_label=1, movement_names=FINGERS),
    Exercise(letter="B", number=2, first_label=1, movement_names=HAND_AND_WRIST, other_first_labels=(13,)),
    Exercise(letter="C", number=3, first_label=1, movement_names=_numbered(1, 23), other_first_labels=(30,)),
)
_SIX_REPETITIONS = {
    "train_repetitions": "1,3,4",
    "test_repetitions": "2,5",
    "seen_tune_repetitions": "6",
    "unseen_tune_repetitions": "1,3,4,6",
}
_UNTESTED = "untested on original files of this database: compare the tables below with the files"
_PIZZOLATO = "Pizzolato et al., PLoS ONE 12(10):e0186132, 2017"

DATABASES = (
    Database(
        name="DB1",
        rate_hz=100.0,
        channel_names=(*RING, *DIGITORUM),
        exercises=_NUMBERED_FROM_1,
        repetitions=10,
        splits=Splits(seen_subjects="1-17", train_repetitions="1,3,4,6,8-10", test_repetitions="2,5,7"),
        file_name="S{subject}_A1_E{exercise}.mat",
        archives=(r"[sS](\d+)\.zip", r"DB1_s(\d+)\.zip"),
        channel_counts=(10,),
        envelope=True,
    ),
    Database(
        name="DB2",
        rate_hz=2000.0,
        channel_names=TRIGNO,
        exercises=_NUMBERED_ON,
        repetitions=6,
        splits=Splits(seen_subjects="1-25", unseen_subjects="26-40", **_SIX_REPETITIONS),
        archives=(r"DB2_s(\d+)\.zip",),
        channel_counts=(12,),
        remark=_UNTESTED,
    ),
    Database(
        name="DB3",
        rate_hz=2000.0,
        channel_names=TRIGNO,
        exercises=_NUMBERED_ON,
        repetitions=6,
        splits=Splits(seen_subjects="1-7", **_SIX_REPETITIONS),
        archives=(r"DB3_s(\d+)\.zip", r"s(\d+)_0\.zip"),
        channel_counts=(10, 12),
        amputees=True,
        remark=_UNTESTED,
    ),
    Database(
        name="DB4",
        rate_hz=2000.0,
        channel_names=TRIGNO,
        exercises=_NUMBERED_FROM_1,
        repetitions=6,
        splits=Splits(seen_subjects="1-7", **_SIX_REPETITIONS),
        citation=_PIZZOLATO,
        archives=(r"[sS](\d+)\.zip", r"DB4_s(\d+)\.zip"),
        channel_counts=(12,),
        remark=_UNTESTED,
    ),
    Database(
        name="DB5",
        rate_hz=200.0,
        channel_names=MYOS,
        exercises=_NUMBERED_FROM_1,
        repetitions=6,
        splits=Splits(seen_subjects="1-7", **_SIX_REPETITIONS),
        citation=_PIZZOLATO,
        archives=(r"[sS](\d+)\.zip", r"DB5_s(\d+)\.zip"),
        channel_counts=(16,),
        remark=_UNTESTED,
    ),
    Database(
        name="DB7",
        rate_hz=2000.0,
        channel_names=TRIGNO,
        exercises=_NUMBERED_ON[:2],
        repetitions=6,
        splits=Splits(seen_subjects="1-14", **_SIX_REPETITIONS),
        archives=(r"Subject_(\d+)\.zip", r"DB7_s(\d+)\.zip"),
        channel_counts=(12,),
        amputees=True,
        remark=_UNTESTED,
    ),
)


def get_database(name: str) -> Database:
    """Returns the database with this name, as `DB2`."""
    return next(database for database in DATABASES if database.name == name)
