"""The same samples under different labels."""

import contextlib
import dataclasses
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ninapro_files import make_recording, write_database

from finjax.configs import fin
from finjax.configs.parsing import data_settings
from finjax.data import duplicates, loading, source
from finjax.data.combined import _from_json, _to_json
from finjax.data.duplicates import Segment
from finjax.data.number_lists import format_numbers
from finjax.data.recording import Recording
from finjax.data.registry import get_spec
from finjax.data.sketches import SIZE, sketch
from finjax.data.splits import Split
from finjax.data.windows import RecordingSummary
from finjax.errors import DataError

LENGTH = 400
SPEC = get_spec("ninapro_db2")


def noise(seed, samples=LENGTH):
    return np.random.default_rng(seed).normal(size=(samples, 12)).astype(np.float32)


def recording(subject, segments):
    """A recording of `(samples, movement, repetition)`."""
    lengths = [len(samples) for samples, _, _ in segments]
    result = Recording(
        dataset=SPEC.name,
        subject=subject,
        signal=np.concatenate([samples for samples, _, _ in segments]),
        movement=np.repeat(np.array([movement for _, movement, _ in segments], np.int16), lengths),
        repetition=np.repeat(np.array([repetition for _, _, repetition in segments], np.int16), lengths),
        rate_hz=SPEC.rate_hz,
        channel_names=SPEC.channel_names,
        movement_names=SPEC.movement_names,
    )
    return dataclasses.replace(result, sketches=sketch([result.signal], result.segments()))


def test_different_recordings_share_nothing():
    assert duplicates.find([recording(s, [(noise(10 * s + m), m, 1) for m in range(5)]) for s in (1, 2, 3)]) == []
    assert duplicates.find([make_recording()]) == [] and duplicates.find([]) == []  # no sketches


def test_the_same_samples_are_found_between_subjects_repetitions_and_movements():
    first = recording(1, [(noise(0), 0, 1), (noise(1), 0, 2), (noise(2), 1, 1), (noise(0), 1, 2)])
    second = recording(2, [(noise(3), 0, 1), (noise(1), 4, 5)])
    assert duplicates.find([first, second]) == [
        (Segment(1, 0, 1), Segment(1, 1, 2)),
        (Segment(1, 0, 2), Segment(2, 4, 5)),
    ]
    assert duplicates.find([RecordingSummary.of(first), RecordingSummary.of(second)]) == duplicates.find(
        [first, second]
    )
    lines = duplicates.describe(duplicates.find([first, second]))
    assert lines[0].startswith(
        "subject 1: 1 pair of segments with the same samples: subject 1 movement 0 repetition 1 ="
    )
    assert lines[1].startswith("subjects 1 and 2: 1 pair of segments")


def test_three_copies_are_one_group():
    copies = [recording(subject, [(noise(0), 2, 1)]) for subject in (3, 1, 2)]
    assert duplicates.find(copies) == [(Segment(1, 2, 1), Segment(2, 2, 1), Segment(3, 2, 1))]
    assert len(duplicates.describe(duplicates.find(copies))) == 3


def test_labels_that_begin_and_end_elsewhere_do_not_hide_a_copy():
    samples = noise(0, 1000)
    refined, plain = recording(1, [(samples[60:], 0, 1)]), recording(2, [(samples[:-60], 0, 1)])
    assert len(duplicates.find([refined, plain])) == 1


def test_float64_and_negative_zero_are_the_same_samples():
    samples = noise(0)
    samples[::7] = 0
    table = np.array([[0, LENGTH, 0, 1]])
    negative = np.where(samples == 0, np.float32(-0.0), samples)
    np.testing.assert_array_equal(sketch([samples], table), sketch([samples.astype(np.float64)], table))
    np.testing.assert_array_equal(sketch([samples], table), sketch([negative], table))


def test_silence_is_no_copy():
    rest = np.full((LENGTH, 12), 0.0024, np.float32)
    assert duplicates.find([recording(s, [(rest, 0, 1), (rest, 1, 1)]) for s in (1, 2)]) == []
    # Long rest in both, and a movement of their own.
    mixed = [recording(s, [(np.concatenate([rest, noise(s, 60), rest]), 0, 1)]) for s in (1, 2)]
    assert duplicates.find(mixed) == []


@given(order=st.permutations(range(6)), copied=st.integers(0, 5), shift=st.integers(0, 8), seed=st.integers(0, 99))
def test_one_copied_segment_is_found_wherever_it_is(order, copied, shift, seed):
    first = [(noise([seed, n]), n, 1) for n in range(6)]
    second = [(noise([seed, copied])[shift:] if n == copied else noise([seed, 9, n]), n, 2) for n in order]
    expected = [(Segment(1, copied, 1), Segment(2, copied, 2))]
    assert duplicates.find([recording(1, first), recording(2, second)]) == expected


SPLIT = Split(
    seen_subjects=(1, 2),
    unseen_subjects=(7, 8),
    train_repetitions=(1, 3),
    test_repetitions=(2, 5),
    seen_tune_repetitions=(6,),
    unseen_tune_repetitions=(1, 3, 6),
)


@pytest.mark.parametrize(
    ("one", "other", "out"),
    [
        ((1, 0, 1), (1, 0, 2), "1"),  # train and test of one subject
        ((1, 0, 6), (2, 3, 5), "2"),  # tune and test
        ((1, 0, 1), (7, 0, 1), "7"),  # a seen and an unseen subject, both trained on
        ((1, 0, 2), (7, 0, 2), "7"),  # and both tested
        ((7, 0, 6), (8, 0, 2), "8"),
    ],
)
def test_the_same_samples_on_both_sides_of_a_split_are_refused(one, other, out):
    group = tuple(sorted((Segment(*one), Segment(*other))))
    with pytest.raises(DataError) as caught:
        duplicates.refuse_leaks([group], SPLIT)
    message = str(caught.value)
    assert f"{group[0]} = {group[1]}" in message
    kept = format_numbers({1, 2, 7, 8} - {int(out)})
    assert message.endswith(f"Or leave subject {out} out: --config.data.subjects={kept}")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((1, 0, 1), (2, 0, 1)),  # both train
        ((1, 0, 2), (2, 0, 2)),  # both are tested
        ((7, 0, 2), (8, 0, 5)),
        ((1, 0, 1), (1, 1, 3)),
        ((1, 0, 4), (1, 0, 2)),  # nothing reads repetition 4
        ((1, 0, 1), (9, 0, 2)),  # nobody reads subject 9
    ],
)
def test_the_same_samples_on_one_side_are_not_refused(one, other):
    duplicates.refuse_leaks([(Segment(*one), Segment(*other))], SPLIT)


def test_as_few_subjects_as_possible_are_left_out():
    groups = [(Segment(1, m, 1), Segment(7, m, 1)) for m in range(3)] + [(Segment(2, 0, 1), Segment(7, 9, 2))]
    with pytest.raises(DataError, match=r"Or leave subject 7 out: --config\.data\.subjects=1-2,8"):
        duplicates.refuse_leaks(groups, SPLIT)


@pytest.mark.parametrize(
    ("one", "other", "known"),
    [
        ((1, 0, 1), (7, 0, 1), True),  # an unseen person is one that the model was trained on
        ((1, 0, 1), (2, 0, 2), True),  # a test repetition is one of another person that the model was trained on
        ((1, 0, 1), (2, 0, 1), False),  # two seen people's, both trained on
        ((1, 0, 2), (7, 0, 2), False),  # the model was not trained on it
        ((1, 0, 1), (8, 0, 2), False),  # nobody tests subject 8
    ],
)
def test_a_model_is_not_tested_on_its_training_samples_under_another_name(one, other, known):
    groups, trained_on = [(Segment(*one), Segment(*other))], {1: (1, 3)}
    expected = pytest.raises(DataError, match="cannot test this model") if known else contextlib.nullcontext()
    with expected:
        duplicates.refuse_known(groups, trained_on=trained_on, split=SPLIT.only((2, 7)))


def test_summaries_are_unchanged_by_json():
    summary = RecordingSummary.of(recording(1, [(noise(0), 0, 1), (noise(1), 0, 2)]))
    again = _from_json(_to_json(summary))
    np.testing.assert_array_equal(again.sketches, summary.sketches)
    assert again.sketches.dtype == np.uint64 and again.sketches.shape == (2, SIZE)
    assert duplicates.find([summary, dataclasses.replace(again, subject=2)])


def test_a_copied_file_is_refused_and_the_message_says_what_to_leave_out(tmp_path, caplog):
    data = tmp_path / "data"
    rng = np.random.default_rng(0)
    for subject in (1, 2, 30):
        emg = rng.random((12 * 10 * 60, 10)) * (rng.random((12 * 10 * 60, 1)) > 0.1)
        write_database(data, "DB1", "A", subject=subject, seconds=0.6, emg=emg)
    shutil.copy(data / "S1_A1_E1.mat", data / "S31_A1_E1.mat")  # an unseen person who is a seen one
    config = fin.get_config("test", target="rms").data
    config.name, config.dir, config.cache_dir = "ninapro_db1", str(data), str(tmp_path / "cache")
    for _ in range(2):  # the second time the sketches come from the cache
        with pytest.raises(DataError, match="subjects 1 and 31: 120 pairs of segments with the same samples") as caught:
            source.load_store(data_settings(config))
        assert str(caught.value).endswith("--config.data.subjects=1-2,30")
    config.subjects = "1-2,30"
    assert source.load_store(data_settings(config))[1].subjects == (1, 2, 30)
    # A decoder of subject 31 alone reads nobody else, and may start from one of the seen people.
    config.subjects, groups = "31", source.find_copies(data_settings(config), (1, 31, 32))
    with pytest.raises(DataError, match=r"(?s)subject 31 cannot test this model.*24 pairs of segments"):
        duplicates.refuse_known(groups, trained_on={1: (1, 3)}, split=source.find_split(data_settings(config)))
    # Models of one person each are trained and tested apart: the copy is only said.
    source.warn_of_copies(data_settings(config), (1, 2))
    assert not caplog.records
    source.warn_of_copies(data_settings(config), (1, 31))
    assert "subjects 1 and 31: 120 pairs of segments with the same samples" in caplog.text
    caplog.clear()
    config.subjects, config.seen_subjects = "1,31", "1,31"  # both seen: likewise
    source.load_store(data_settings(config))
    assert "subjects 1 and 31: 120 pairs of segments with the same samples" in caplog.text


def test_sketches_are_of_the_samples_before_filtering(tmp_path):
    write_database(tmp_path, "DB1", "A")
    spec = get_spec("ninapro_db1")
    paths = spec.find(tmp_path)[1]
    plain, filtered = (
        loading.read_recording(spec, 1, paths, filter=filter)
        for filter in (spec.filter, dataclasses.replace(spec.filter, lowpass_hz=5.0))
    )
    assert not np.array_equal(plain.signal, filtered.signal)
    np.testing.assert_array_equal(plain.sketches, filtered.sketches)
