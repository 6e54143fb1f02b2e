"""How much of the tuning data is used, and what of it validates."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from finjax.data.tuning_share import split_off_last, take_share
from finjax.data.windows import Framing, index_windows

FRAMING = Framing(length=60, step=10)
# start, stop, subject, movement, repetition: two movements of two repetitions, and another subject.
SEGMENTS = np.array(
    [[0, 250, 0, 0, 1], [250, 500, 0, 0, 2], [500, 700, 0, 1, 1], [700, 900, 0, 1, 2], [900, 1400, 1, 0, 1]]
)
WINDOWS = index_windows(SEGMENTS, FRAMING)


GROUPS = st.lists(st.tuples(st.integers(1, 300), st.integers(0, 1), st.integers(0, 2)), min_size=1, max_size=8)


def windows_of(segments):
    """Windows of segments (length, subject, movement) that follow one another."""
    stops = np.cumsum([length + FRAMING.length for length, *_ in segments])
    return index_windows(
        np.array([
            [stop - length - FRAMING.length, stop, subject, movement, 1]
            for stop, (length, subject, movement) in zip(stops, segments, strict=True)
        ]),
        FRAMING,
    )  # fmt: skip


def by_movement(windows):
    """The rows of each movement of each subject."""
    groups = set(zip(windows.subject.tolist(), windows.movement.tolist(), strict=True))
    return [np.flatnonzero((windows.subject == subject) & (windows.movement == m)) for subject, m in groups]


@given(segments=GROUPS, percentage=st.floats(0.01, 100), how=st.sampled_from(["leading", "random"]))
def test_a_share_of_every_movement_is_used_at_least_a_window(segments, percentage, how):
    windows = windows_of(segments)
    used = take_share(windows, percentage, how=how, seed=0)
    for of_movement in by_movement(windows):
        assert used[of_movement].sum() == max(1, round(len(of_movement) * percentage / 100))
        if how == "leading":
            assert (np.diff(used[of_movement].astype(int)) <= 0).all()  # used, then no longer


@given(segments=GROUPS, shares=st.tuples(st.floats(0.01, 100), st.floats(0.01, 100)))
def test_more_data_holds_all_of_less(segments, shares):
    windows = windows_of(segments)
    for how in ("leading", "random"):
        less, more = (take_share(windows, share, how=how, seed=3) for share in sorted(shares))
        assert not (less & ~more).any()


def test_random_windows_depend_on_the_seed_alone():
    one, same, other = (take_share(WINDOWS, 30, how="random", seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


@given(segments=GROUPS, share=st.floats(0, 0.999))
def test_validation_is_later_and_shares_no_sample(segments, share):
    windows = windows_of(segments)
    first, last = split_off_last(windows, share, length=FRAMING.length)
    assert not (first & last).any()
    for group in by_movement(windows):
        fitted, held_out = group[first[group]], group[last[group]]
        assert len(fitted) == max(1, len(group) - round(len(group) * share))
        if len(held_out):
            assert windows.start[fitted].max() + FRAMING.length <= windows.start[held_out].min()
            left_out = group[~(first | last)[group]]  # only where a window overlaps with one that is fitted
            assert (windows.start[left_out] < windows.start[fitted].max() + FRAMING.length).all()


def test_half_of_every_movement_validates():
    _, last = split_off_last(WINDOWS, 0.5, length=FRAMING.length)
    assert all(last[group].any() for group in by_movement(WINDOWS))


def test_a_share_of_0_has_no_validation():
    first, last = split_off_last(WINDOWS, 0.0, length=FRAMING.length)
    assert first.all() and not last.any()
