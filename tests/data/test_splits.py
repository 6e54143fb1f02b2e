"""Splits: nothing is in two parts, and nobody is asked for who is not there."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finjax.data import synthetic
from finjax.data.registry import Splits
from finjax.data.splits import Split, resolve_split
from finjax.data.synthetic import Settings, generate
from finjax.data.windows import Framing, index_windows, pack
from finjax.errors import DataError

DB2 = Splits(seen_subjects="1-25", unseen_subjects="26-40", train_repetitions="1,3,4", test_repetitions="2,5")


def test_the_default_split_of_db2():
    split = resolve_split(DB2, range(1, 41))
    assert split.seen_subjects == tuple(range(1, 26))
    assert split.unseen_subjects == tuple(range(26, 41))
    assert (split.train_repetitions, split.test_repetitions) == ((1, 3, 4), (2, 5))


def test_default_subjects_that_were_not_found_are_skipped():
    split = resolve_split(DB2, [2, 3, 30])
    assert (split.seen_subjects, split.unseen_subjects) == ((2, 3), (30,))


def test_all_others_are_unseen_where_the_dataset_names_none():
    defaults = Splits(seen_subjects="1-6", train_repetitions="1-4", test_repetitions="5-8")
    split = resolve_split(defaults, range(1, 9))
    assert split.unseen_subjects == (7, 8)
    assert resolve_split(defaults, range(1, 9), seen_subjects="8").unseen_subjects == tuple(range(1, 8))


def test_overrides_replace_defaults():
    split = resolve_split(DB2, range(1, 41), seen_subjects="1,2", test_repetitions="6", unseen_subjects="3")
    assert (split.subjects, split.test_repetitions) == ((1, 2, 3), (6,))


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"seen_subjects": "1,41"}, "no data of subjects 41; there are 1-40"),
        ({"train_repetitions": "1-5"}, "repetitions 2,5 are in both"),
        ({"unseen_subjects": "25-30"}, "subjects 25 are in both"),
        ({"train_repetitions": "x"}, "'x'"),
    ],
)
def test_impossible_splits_are_refused(overrides, message):
    with pytest.raises(DataError, match=message):
        resolve_split(DB2, range(1, 41), **overrides)


def test_a_split_needs_test_repetitions_but_no_seen_subjects():
    assert resolve_split(DB2, [30, 31]).seen_subjects == ()
    with pytest.raises(DataError, match="no test repetitions"):
        resolve_split(Splits(seen_subjects="1", train_repetitions="1", test_repetitions=""), [1])


NUMBERS = st.sets(st.integers(1, 6))


@given(seen=NUMBERS, unseen=NUMBERS, repetitions=st.tuples(*[NUMBERS] * 4))
def test_a_split_has_parts_that_share_nothing_or_is_refused(seen, unseen, repetitions):
    train, test, seen_tune, unseen_tune = repetitions
    try:
        split = Split(
            seen_subjects=tuple(seen),
            unseen_subjects=tuple(unseen),
            train_repetitions=tuple(train),
            test_repetitions=tuple(test),
            seen_tune_repetitions=tuple(seen_tune),
            unseen_tune_repetitions=tuple(unseen_tune),
        )
    except DataError:
        assert seen & unseen or not test or test & (train | seen_tune | unseen_tune)
        return
    subjects, numbers = (grid.ravel() for grid in np.meshgrid(np.arange(1, 7), np.arange(1, 7)))
    parts = {
        name: split.select(subjects, numbers, part=name) for name in ("train", "tune", "pool", "seen", "unseen", "test")
    }
    assert not ((parts["train"] | parts["tune"] | parts["pool"]) & parts["test"]).any()
    np.testing.assert_array_equal(parts["seen"] | parts["unseen"], parts["test"])
    assert not (parts["seen"] & parts["unseen"]).any()
    np.testing.assert_array_equal(parts["train"], np.isin(subjects, [*seen]) & np.isin(numbers, [*train]))
    np.testing.assert_array_equal(parts["pool"], parts["train"] | parts["tune"])


def test_no_sample_serves_two_parts():
    settings = Settings(subjects=3, movement_s=1.0, rest_s=0.0)
    store = pack([generate(s, settings) for s in (1, 2, 3)])
    framing = Framing(length=600, step=20, horizon=2)
    windows = index_windows(store.segments, framing)
    split = resolve_split(synthetic.SPLITS, (1, 2, 3), seen_subjects="1,2", unseen_subjects="3")
    used = {}
    for part in ("train", "seen", "unseen"):
        chosen = windows[split.select(np.array(store.subjects)[windows.subject], windows.repetition, part=part)]
        assert len(chosen)
        used[part] = np.zeros(store.samples.shape[1], bool)
        for start in chosen.start:
            used[part][start : start + framing.lead + framing.length] = True
    for one, other in itertools.combinations(used.values(), 2):
        assert not (one & other).any()
