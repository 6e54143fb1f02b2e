"""Vote, rejection and dwell."""

import numpy as np

from finjax.live.postprocessing import PostProcessor


def sure(movement, probability=0.9):
    values = np.full(4, (1 - probability) / 3)
    values[movement] = probability
    return values


def through(output, movements):
    return [output(sure(movement)) for movement in movements]


def test_by_default_decisions_are_unchanged():
    assert through(PostProcessor(), [0, 3, 1]) == [0, 3, 1]


def test_the_majority_of_the_last_decisions_wins_and_a_tie_goes_to_the_latest():
    assert through(PostProcessor(vote=3), [0, 0, 1, 1, 2]) == [0, 0, 0, 1, 1]


def test_an_unsure_decision_is_left_empty_and_does_not_vote():
    output = PostProcessor(vote=3, least_probability=0.5)
    assert [output(sure(0)), output(sure(1, 0.4)), output(sure(0))] == [0, None, 0]


def test_a_movement_must_last_before_it_replaces_another():
    assert through(PostProcessor(dwell=2), [0, 0, 1, 0, 1, 1, 1]) == [None, 0, 0, 0, 0, 1, 1]


def test_cleared_output_has_no_past():
    output = PostProcessor(vote=3, dwell=2)
    through(output, [0, 0, 0])
    output.clear()
    assert through(output, [1, 1]) == [None, 1]
