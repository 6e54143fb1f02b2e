"""Batches: every example once an epoch, and the same batches at whatever step a run starts."""

import numpy as np
import pytest

from finjax.training.batches import Batches, stand_in


def batches(**changes):
    return Batches(**{"examples": 23, "batch_size": 5, "steps_per_dispatch": 2, "seed": 7, **changes})


def test_an_epoch_holds_every_example_once():
    epoch = batches().epoch(0)
    assert epoch.shape == (5, 5)
    assert sorted(epoch[epoch >= 0]) == list(range(23))
    assert (epoch[:-1] >= 0).all()


def test_the_last_batch_is_filled_with_stand_ins_for_examples_of_the_epoch():
    last = batches().epoch(0)[-1]
    assert (last[:3] >= 0).all() and (last[3:] < 0).all()
    assert set(stand_in(last[3:])) <= set(range(23))


def test_epochs_and_seeds_shuffle_differently():
    assert (batches().epoch(0) != batches().epoch(1)).any()
    assert (batches().epoch(0) != batches(seed=8).epoch(0)).any()
    np.testing.assert_array_equal(batches().epoch(3), batches().epoch(3))


def test_dispatches_hold_the_steps_asked_for():
    whole = np.concatenate([batches().epoch(e) for e in range(3)])
    np.testing.assert_array_equal(np.concatenate(list(batches().dispatches(0, 13))), whole[:13])
    assert [len(d) for d in batches().dispatches(0, 13)] == [2, 2, 1, 2, 2, 1, 2, 1]  # an epoch ends at 5


@pytest.mark.parametrize("start", [2, 4, 5, 7, 10])
def test_a_resumed_run_makes_the_same_dispatches(start):
    whole = list(batches().dispatches(0, 13))
    ends = np.cumsum([len(d) for d in whole])
    resumed = list(batches().dispatches(start, 13))
    for ours, theirs in zip(resumed, whole[np.flatnonzero(ends == start)[0] + 1 :], strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_fewer_examples_than_a_batch():
    (only,) = batches(examples=3).dispatches(0, 1)
    assert sorted(only[0][:3]) == [0, 1, 2]
    assert sorted(stand_in(only[0][3:])) == sorted(only[0][:2])
