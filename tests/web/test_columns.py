"""Signals as columns of least and greatest values, and the picture that readers take them from."""

import asyncio

import numpy as np
import pytest

from finjax.web.columns import Columns, Picture, packed_columns, unpacked_columns
from finjax.web.facts import Facts
from finjax.web.layout import shown_of
from finjax.web.mirror import Mirror


@pytest.mark.parametrize("sizes", [(100,), (1,) * 100, (7, 13, 40, 40), (19, 81)])
def test_columns_are_the_extremes_of_their_samples_however_they_are_cut_into_chunks(sizes):
    samples = np.random.default_rng(0).normal(size=(100, 3)).astype(np.float32)
    columns = Columns(3, 2000.0)
    assert columns.samples == 20 and columns.seconds == 0.01
    for stop, size in zip(np.cumsum(sizes), sizes, strict=True):
        columns.add(samples[stop - size : stop])
    first, taken = columns.take()
    assert first == 0
    expected = [[(min(part[:, c]), max(part[:, c])) for c in range(3)] for part in np.split(samples, 5)]
    np.testing.assert_array_equal(taken, np.array(expected))
    assert columns.take() == (5, pytest.approx(np.zeros((0, 3, 2))))


def test_a_burst_of_one_sample_stays_visible():
    samples = np.zeros((1000, 1), np.float32)
    samples[777] = 5.0
    columns = Columns(1, 2000.0)
    columns.add(samples)
    _, taken = columns.take()
    assert taken[:, 0, 1].max() == 5.0 and np.argmax(taken[:, 0, 1]) == 777 // 20


def test_slow_streams_have_a_column_for_each_sample():
    columns = Columns(2, 100.0)
    columns.add(np.array([[1, 2], [3, 4]], np.float32))
    np.testing.assert_array_equal(columns.take()[1], [[[1, 1], [2, 2]], [[3, 3], [4, 4]]])


def test_samples_that_are_not_finite_do_not_hide_the_others():
    columns = Columns(2, 400.0)  # four samples a column
    columns.add(np.array([[np.nan, np.nan], [1, np.nan], [2, np.nan], [3, np.nan], *[[np.inf, 0]] * 4], np.float32))
    _, taken = columns.take()
    np.testing.assert_array_equal(taken[0], [[1, 3], [np.nan, np.nan]])
    assert np.isnan(taken[1, 0]).all()


def test_columns_that_nobody_takes_are_lost_oldest_first():
    columns = Columns(1, 100.0, room=5)
    columns.add(np.arange(12, dtype=np.float32)[:, None])
    first, taken = columns.take()
    assert first == 7
    assert taken[:, 0, 0].tolist() == [7, 8, 9, 10, 11]


def test_each_reader_of_the_picture_gets_what_it_has_not_seen():
    picture = Picture(1, room=4)
    picture.add(0, np.array([[[0, 0]], [[1, 1]], [[2, 2]]], np.float32))
    assert picture.since(1)[0] == 1 and picture.since(1)[1][:, 0, 0].tolist() == [1, 2]
    picture.add(3, np.array([[[3, 3]], [[4, 4]]], np.float32))
    first, columns = picture.since(0)  # a new reader, or one that has slept: what is kept
    assert (first, columns[:, 0, 0].tolist()) == (1, [1, 2, 3, 4])
    assert len(picture.since(5)[1]) == 0
    first, columns = picture.since(10**9)  # of a session before this one
    assert (first, columns[:, 0, 0].tolist()) == (1, [1, 2, 3, 4])


def test_lost_columns_are_a_gap_in_the_picture():
    picture = Picture(1, room=4)
    picture.add(0, np.array([[[7, 7]]], np.float32))
    picture.add(2, np.array([[[9, 9]]], np.float32))
    np.testing.assert_array_equal(picture.since(0)[1][:, 0, 0], [7, np.nan, 9])
    picture.add(1000, np.array([[[1, 1]]], np.float32))
    np.testing.assert_array_equal(picture.since(0)[1][:, 0, 0], [np.nan, np.nan, np.nan, 1])


def test_columns_survive_their_way_as_text():
    columns = np.array([[[1.5, -2], [np.nan, 3e-7]]], np.float32)
    np.testing.assert_array_equal(unpacked_columns(packed_columns(columns), 2), columns)


def facts_of(rate_hz: float) -> Facts:
    names = {"stream": "", "unit": "", "run": "", "channel_names": ("a",), "movement_names": ("x", "y")}
    column_ms = 1e3 * Columns(1, rate_hz).seconds
    return Facts(rate_hz=rate_hz, update_ms=20.0, column_ms=column_ms, port=0, token="", **names)


@pytest.mark.parametrize(
    ("rate_hz", "columns", "seconds"),
    [(2000.0, 500, 5.0), (50.0, 250, 5.0), (125.0, 500, 4.0), (1.0, 5, 5.0)],
)
def test_the_axis_is_as_long_as_the_columns_that_are_shown(rate_hz, columns, seconds):
    assert shown_of(facts_of(rate_hz)) == (columns, seconds)


def test_a_reader_that_shows_no_signals_gets_none():
    mirror = Mirror(facts_of(2000.0))
    columns = packed_columns(np.zeros((3, 1, 2), np.float32))
    asyncio.run(mirror.take({"first": 0, "columns": columns, "decisions": [[0.5, 1]], "latest": {"movement": "y"}}))
    assert mirror.content(0)["columns"] == columns
    content = mirror.content(None)
    assert "columns" not in content and content["latest"] == {"movement": "y"}
