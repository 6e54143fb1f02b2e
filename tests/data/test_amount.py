"""How much of the tuning data is used, and what of it validates."""

import numpy as np
import pytest

from finjax.data.amount import split_off_last, take_share
from finjax.data.windows import Framing, index_windows
from finjax.errors import ConfigError

FRAMING = Framing(length=60, step=10)
# start, stop, subject, movement, repetition: two movements of two repetitions, and another subject.
SEGMENTS = np.array(
    [[0, 250, 0, 0, 1], [250, 500, 0, 0, 2], [500, 700, 0, 1, 1], [700, 900, 0, 1, 2], [900, 1400, 1, 0, 1]]
)
WINDOWS = index_windows(SEGMENTS, FRAMING)


def rows(subject, movement):
    return np.flatnonzero((WINDOWS.subject == subject) & (WINDOWS.movement == movement))


@pytest.mark.parametrize("how", ["leading", "random"])
@pytest.mark.parametrize("percentage", [20, 50, 100])
def test_a_share_of_every_movement_is_used(how, percentage):
    used = take_share(WINDOWS, percentage, how=how, seed=0)
    for subject, movement in ((0, 0), (0, 1), (1, 0)):
        of_movement = rows(subject, movement)
        assert used[of_movement].sum() == round(len(of_movement) * percentage / 100)


def test_leading_windows_are_the_first_in_time():
    used = take_share(WINDOWS, 30, how="leading", seed=0)
    for subject, movement in ((0, 0), (0, 1), (1, 0)):
        of_movement = used[rows(subject, movement)]
        assert (np.diff(of_movement.astype(int)) <= 0).all()  # used, then no longer


def test_random_windows_depend_on_the_seed_alone():
    one, same, other = (take_share(WINDOWS, 30, how="random", seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


def test_a_little_is_at_least_a_window():
    used = take_share(WINDOWS, 0.1, how="leading", seed=0)
    assert [used[rows(*group)].sum() for group in ((0, 0), (0, 1), (1, 0))] == [1, 1, 1]


@pytest.mark.parametrize("share", [0.2, 0.5])
def test_validation_is_later_and_shares_no_sample(share):
    first, last = split_off_last(WINDOWS, share, length=FRAMING.length)
    assert not (first & last).any()
    for subject, movement in ((0, 0), (0, 1), (1, 0)):
        group = rows(subject, movement)
        fitted, held_out = group[first[group]], group[last[group]]
        assert len(held_out)
        assert WINDOWS.start[fitted].max() + FRAMING.length <= WINDOWS.start[held_out].min()


def test_no_share_is_no_validation():
    first, last = split_off_last(WINDOWS, 0.0, length=FRAMING.length)
    assert first.all() and not last.any()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: take_share(WINDOWS, 120, how="leading", seed=0), "percentage=120"),
        (lambda: take_share(WINDOWS, 20, how="last", seed=0), "'last': choose from leading, random"),
        (lambda: split_off_last(WINDOWS, 1.0, length=60), "validation_share=1: 0 .no validation. to below 1"),
    ],
)
def test_other_amounts_are_refused(call, message):
    with pytest.raises(ConfigError, match=message):
        call()
