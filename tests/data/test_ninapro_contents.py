"""A file that is read as one of another Ninapro database is refused by its content."""

import numpy as np
import pytest
from ninapro_files import read, refuses, write_database

from finjax.configs import fin
from finjax.configs.parsing import data_settings
from finjax.data import loading
from finjax.data.ninapro_contents import Contents, advise, judge, lookalikes
from finjax.data.ninapro_databases import DATABASES, get_database
from finjax.data.registry import get_spec
from finjax.data.source import load_store
from finjax.errors import DataError

EVERY = [(database.name, exercise.letter) for database in DATABASES for exercise in database.exercises]


def typical(database, exercise, **changes):
    """What a complete file of an exercise holds."""
    fields = {
        "channels": database.channel_counts[-1],
        "envelope": database.envelope,
        "labels": frozenset(range(exercise.first_label, exercise.last_label + 1)),
        "repetitions": database.repetitions,
        "segments": len(exercise.movement_names) * database.repetitions,
        "segment_samples": 3.5 * database.rate_hz,
    }
    return Contents(**fields | changes)


@pytest.mark.parametrize(("name", "letter"), EVERY)
def test_complete_files_look_like_their_own_exercise_and_few_others(name, letter):
    database = get_database(name)
    exercise = database.exercise(letter)
    found = {(other.name, one.letter) for other, one in lookalikes(typical(database, exercise))}
    assert (name, letter) in found
    same = {other for other, _ in found}
    assert same <= ({name} if name in ("DB1", "DB5") else {"DB2", "DB3", "DB4", "DB7"})


@pytest.mark.parametrize(
    ("name", "letter"),
    [("DB1", "A"), ("DB1", "C"), ("DB2", "B"), ("DB3", "D"), ("DB4", "A"), ("DB5", "B"), ("DB7", "C")],
)
def test_files_of_every_database_are_read(tmp_path, name, letter):
    database = get_database(name)
    write_database(tmp_path, name, letter)
    recording = read(tmp_path, get_spec(database.dataset_name(database.exercise(letter))))
    movements = len(database.exercise(letter).movement_names)
    pairs = [
        (movement, repetition) for movement in range(movements) for repetition in range(1, database.repetitions + 1)
    ]
    assert [tuple(row) for row in recording.segments()[:, 2:].tolist()] == pairs
    assert recording.signal.shape[1] == len(database.channel_names) and recording.notes == ()


def test_a_renamed_file_of_db1_is_refused_as_db3(tmp_path):
    write_database(tmp_path, "DB1", "A", seconds=3, file_name="S1_E1_A1.mat")
    with pytest.raises(DataError) as caught:
        read(tmp_path, get_spec("ninapro_db3"))
    message = str(caught.value)
    for part in (
        "it is not a file of Ninapro DB3, exercise B",
        "at 2000 Hz its movements would last 0.15 s, not 2 to 5 s",
        "it has 10 repetitions, not 6",
        "rectified envelope",
        "It looks like Ninapro DB1, exercise A",
        "give it its original name S1_A1_E1.mat and use the dataset ninapro_db1,",
    ):
        assert part in message
    assert "Download" not in message
    refuses(tmp_path, "emg must be .* 12 channels", remedy="use the dataset ninapro_db1")


@pytest.mark.parametrize(
    ("name", "letter", "taken_for", "as_letter", "remedy"),
    [
        ("DB4", "A", "DB2", "B", "DB4, exercise A: use the dataset ninapro_db4"),
        ("DB4", "B", "DB2", "C", "DB4, exercise B: use the dataset ninapro_db4_b"),
        ("DB4", "C", "DB2", "D", "DB4, exercise C: use the dataset ninapro_db4_c"),
        ("DB5", "A", "DB2", "B", "DB5, exercise A: use the dataset ninapro_db5"),
        ("DB5", "A", "DB4", "A", "DB5, exercise A: use the dataset ninapro_db5"),
        ("DB5", "B", "DB4", "B", "DB5, exercise B: use the dataset ninapro_db5_b"),
        ("DB4", "A", "DB5", "A", "DB4, exercise A: use the dataset ninapro_db4"),
        ("DB4", "C", "DB5", "C", "DB4, exercise C: use the dataset ninapro_db4_c"),
        ("DB1", "A", "DB4", "A", "original name S1_A1_E1.mat and use the dataset ninapro_db1"),
        ("DB2", "B", "DB4", "A", "use the dataset ninapro_db2 or ninapro_db3"),
        ("DB2", "C", "DB4", "B", "use the dataset ninapro_db2_c or"),
        ("DB2", "B", "DB1", "A", "original name S1_E1_A1.mat and use the dataset ninapro_db2 or"),
        ("DB1", "A", "DB5", "A", "original name S1_A1_E1.mat and use the dataset ninapro_db1"),
        ("DB1", "B", "DB1", "A", "original name S1_A1_E2.mat and use the dataset ninapro_db1_b"),
    ],
)
def test_files_of_another_exercise_are_refused_with_the_name_to_use(name, letter, taken_for, as_letter, remedy):
    contents = typical(get_database(name), get_database(name).exercise(letter))
    wrong = get_database(taken_for)
    assert judge(contents, wrong, wrong.exercise(as_letter))[1]
    assert remedy in advise(contents, wrong, wrong.exercise(as_letter), subject=1)


def test_a_file_of_db4_is_refused_as_db2(tmp_path):
    write_database(tmp_path, "DB4", "A")
    refuses(
        tmp_path,
        "it has 12 movements; exercise B has 17",
        remedy="use the dataset ninapro_db4,",
    )


def test_files_of_db4_and_db5_are_not_taken_for_each_other(tmp_path):
    write_database(tmp_path / "five", "DB5", "A")
    refuses(
        tmp_path / "five", "12 channels", get_spec("ninapro_db4"), remedy="DB5, exercise A: use the dataset ninapro_db5"
    )
    write_database(tmp_path / "four", "DB4", "B")
    refuses(
        tmp_path / "four",
        "16 channels",
        get_spec("ninapro_db5_b"),
        remedy="DB4, exercise B: use the dataset ninapro_db4_b",
    )


def test_movements_that_are_too_long_or_short_for_the_rate_are_refused(tmp_path):
    write_database(tmp_path, "DB5", "A", seconds=40)  # 8,000 samples: four seconds at DB4's rate
    refuses(tmp_path, "at 200 Hz its movements would last 40 s, not 2 to 5 s", get_spec("ninapro_db5"))


def test_a_raw_signal_is_no_envelope_and_an_envelope_not_raw(tmp_path):
    emg = np.random.default_rng(0).normal(size=(12 * 10 * 70, 10))
    write_database(tmp_path / "a", "DB1", "A", emg=emg)
    refuses(tmp_path / "a", "its signal is not a rectified envelope", get_spec("ninapro_db1"))
    emg = np.abs(np.random.default_rng(0).normal(size=(9 * 6 * 1400, 12)))
    write_database(tmp_path / "b", "DB2", "D", emg=emg)
    refuses(tmp_path / "b", "its signal is a rectified envelope", get_spec("ninapro_db2_d"))


@pytest.mark.parametrize(("letter", "movements"), [("C", range(12)), ("D", (0, 1)), ("B", range(11)), ("B", (3,))])
def test_an_amputee_may_lack_movements(tmp_path, letter, movements):
    write_database(tmp_path, "DB3", letter, movements=movements)
    exercise = get_database("DB3").exercise(letter)
    recording = read(tmp_path, get_spec(get_database("DB3").dataset_name(exercise)))
    assert set(recording.segments()[:, 2].tolist()) == set(movements) and recording.notes == ()


def test_an_amputee_with_the_movements_of_another_database_is_read_with_a_note(tmp_path):
    write_database(tmp_path, "DB3", "B", movements=range(12))
    (note,) = read(tmp_path, get_spec("ninapro_db3")).notes
    assert "it has 12 movements; exercise B has 17. It looks like Ninapro DB4, exercise A" in note


@pytest.mark.parametrize("movements", [range(11), range(6)])
def test_a_file_of_db4_that_lacks_movements_is_refused_as_db2(tmp_path, movements):
    write_database(tmp_path, "DB4", "A", movements=movements)
    message = f"it has {len(movements)} movements; exercise B has 17"
    refuses(tmp_path, message, remedy="It looks like Ninapro DB4, exercise A: use the dataset ninapro_db4,")


def test_a_note_says_how_many_movements_are_absent(tmp_path):
    write_database(tmp_path, "DB2", "B", movements=(0, 3))
    assert read(tmp_path).notes == (
        "its last 13 movements are absent: the file may be incomplete, compare its size with the original's",
    )


def test_a_file_that_lacks_its_last_movements_and_says_its_exercise_is_read_with_a_note(tmp_path):
    write_database(tmp_path, "DB4", "C", movements=range(15))
    (note,) = read(tmp_path, get_spec("ninapro_db4_c")).notes
    assert note.startswith("its last 8 movements are absent: the file may be incomplete")
    write_database(tmp_path, "DB4", "C", movements=range(15), exercise=2)
    refuses(tmp_path, "it has 15 movements; exercise C has 23", get_spec("ninapro_db4_c"), remedy="DB4, exercise B")


def test_other_first_labels_are_taken_only_from_files_of_that_exercise(tmp_path):
    path = write_database(tmp_path, "DB4", "C", file_name="S1_E2_A1.mat")
    refuses(
        tmp_path,
        "its labels do not begin at 18, and its field exercise says 3, not 2",
        get_spec("ninapro_db2_c"),
        remedy="DB4, exercise C: give it its original name S1_E3_A1.mat and use the dataset ninapro_db4_c",
    )
    write_database(tmp_path, "DB4", "C", file_name=path.name, exercise=2)
    assert read(tmp_path, get_spec("ninapro_db2_c")).notes == ()


def load(folder, name, **options):
    return loading.load_recordings(get_spec(name), folder, cache_dir=folder / "cache", progress=False, **options)


@pytest.mark.parametrize("name", ["ninapro_db3", "ninapro_db7"])
def test_a_folder_of_db4_is_refused_as_one_of_amputees(tmp_path, name):
    write_database(tmp_path, "DB4", "A", subject=1)
    write_database(tmp_path, "DB4", "A", subject=2, movements=range(11))
    for subjects in ((1,), (2,), None, None):  # the last time from the cache
        message = "no subject has more than 12 movements, but .* has 17. .* --config.data.name=ninapro_db4$"
        with pytest.raises(DataError, match=message):
            load(tmp_path, name, subjects=subjects)
    config = fin.get_config("test", target="rms").data
    config.name, config.dir, config.cache_dir = name, str(tmp_path), str(tmp_path / "cache")
    with pytest.raises(DataError, match="They look like ninapro_db4"):
        load_store(data_settings(config))


def test_an_amputee_like_db4_among_others_is_read(tmp_path):
    write_database(tmp_path, "DB3", "B", subject=1, movements=range(12))
    write_database(tmp_path, "DB3", "B", subject=2, movements=range(11))
    write_database(tmp_path, "DB3", "B", subject=3, movements=(4, 16))
    assert len(load(tmp_path, "ninapro_db3")) == 3
    (recording,) = load(tmp_path, "ninapro_db3", subjects=(1,))
    assert "It looks like Ninapro DB4" in recording.notes[0]


def test_a_folder_of_one_amputee_who_has_few_movements_is_read(tmp_path):
    write_database(tmp_path, "DB3", "B", movements=(2, 5))
    assert len(load(tmp_path, "ninapro_db3")) == 1


def test_dead_electrodes_of_db3_are_noted_and_kept(tmp_path):
    emg = np.random.default_rng(0).integers(-99, 99, (9 * 6 * 1400, 12)).astype(np.float32)
    emg[:, 8:10] = 0.001
    write_database(tmp_path, "DB3", "D", emg=emg)
    recording = read(tmp_path, get_spec("ninapro_db3_d"))
    assert recording.notes == ("flat electrodes: flexor digitorum superficialis, extensor digitorum superficialis",)
    np.testing.assert_array_equal(recording.signal, emg)
