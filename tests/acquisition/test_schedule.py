"""What is shown when, and which label which time gets; the expected times are summed by hand."""

import itertools
from collections import Counter

import hypothesis
import hypothesis.strategies as st
import pytest

from finjax.acquisition.schedule import Session
from finjax.acquisition.trials import LONGEST_NAME, Timing, Trial, make_trials
from finjax.errors import ConfigError

TIMING = Timing(ready_s=1.0, hold_s=2.0, rest_s=0.5)


def two_movements():
    return Session([Trial("fist", 1), Trial("open", 1)], TIMING)


def run_to(session, stop_s, *, start_s=0.0, step_s=0.25):
    """Moves the clock on in steps; returns the last prompt."""
    prompt = None
    for step in range(round((stop_s - start_s) / step_s) + 1):
        prompt = session.at(start_s + step * step_s)
    return prompt


def held(session):
    return [(one.movement, one.repetition, one.start_s, one.stop_s, one.status) for one in session.finished]


def test_each_trial_is_announced_held_and_followed_by_rest():
    session = two_movements()
    shown = []
    for step in range(29):
        prompt = session.at(step * 0.25)
        shown.append((prompt.phase, prompt.movement) if prompt else None)
    groups = [(what, len(list(same))) for what, same in itertools.groupby(shown)]
    assert groups == [
        (("ready", "fist"), 4), (("hold", "fist"), 8), (("rest", "fist"), 2),
        (("ready", "open"), 4), (("hold", "open"), 8), (("rest", "open"), 2),
        (None, 1),
    ]  # fmt: skip
    assert held(session) == [("fist", 1, 1.0, 3.0, "good"), ("open", 1, 4.5, 6.5, "good")]


def test_a_prompt_says_what_is_left_and_what_comes_next():
    session = two_movements()
    prompt = run_to(session, 1.5)
    assert (prompt.phase, prompt.seconds, prompt.duration_s) == ("hold", 1.5, 2.0)
    assert (prompt.next_movement, prompt.done, prompt.total) == ("open", 0, 2)
    prompt = run_to(session, 3.0, start_s=1.5)
    assert (prompt.phase, prompt.done, prompt.total) == ("rest", 1, 2)
    assert run_to(session, 4.0, start_s=3.0).next_movement == ""


def test_no_phase_is_left_out_when_the_clock_jumps():
    session = two_movements()
    assert [session.at(time_s).phase for time_s in (0.0, 100.0, 200.0, 300.0)] == ["ready", "hold", "rest", "ready"]
    assert held(session) == [("fist", 1, 100.0, 102.0, "good")]


def test_a_phase_begins_when_it_is_shown():
    session = two_movements()
    for time_s in (0.0, 0.7, 1.4, 2.1, 2.8, 3.5):  # hold is shown at 1.4 s, not at 1.0
        session.at(time_s)
    assert held(session) == [("fist", 1, 1.4, 3.4, "good")]


def test_phases_without_a_time_are_not_shown():
    session = Session([Trial("fist", 1), Trial("open", 1)], Timing(ready_s=0.0, hold_s=1.0, rest_s=0.0))
    assert [session.at(time_s).movement for time_s in (0.0, 0.5, 1.0, 1.5)] == ["fist", "fist", "open", "open"]
    assert session.at(2.0) is None
    assert held(session) == [("fist", 1, 0.0, 1.0, "good"), ("open", 1, 1.0, 2.0, "good")]


def test_a_pause_stops_the_clock_and_the_movement_is_held_again():
    session = two_movements()
    run_to(session, 2.0)
    session.pause()
    prompt = run_to(session, 9.0, start_s=2.0)
    assert (prompt.phase, prompt.movement, prompt.paused, prompt.seconds) == ("ready", "fist", True, 1.0)
    session.resume()
    assert run_to(session, 10.0, start_s=9.0).phase == "hold"
    run_to(session, 12.0, start_s=10.0)
    assert held(session) == [("fist", 1, 1.0, 2.0, "repeated"), ("fist", 1, 10.0, 12.0, "good")]


@pytest.mark.parametrize(
    ("pressed_s", "expected"),
    [
        (2.0, ("fist", 1, 1.0, 2.0, "repeated")),  # while it is held
        (3.25, ("fist", 1, 1.0, 3.0, "repeated")),  # in the rest after it
        (3.75, ("fist", 1, 1.0, 3.0, "repeated")),  # when the next is announced
    ],
)
def test_a_movement_is_done_again(pressed_s, expected):
    session = two_movements()
    run_to(session, pressed_s)
    session.repeat()
    prompt = session.at(pressed_s)
    assert (prompt.phase, prompt.movement, prompt.done, prompt.total) == ("ready", "fist", 0, 2)
    assert run_to(session, pressed_s + 20, start_s=pressed_s) is None
    assert held(session)[0] == expected
    assert [(one.movement, one.status) for one in session.finished[1:]] == [("fist", "good"), ("open", "good")]


def test_a_movement_is_done_again_once_however_often_it_is_asked_for():
    session = two_movements()
    run_to(session, 3.75)
    session.repeat()
    session.repeat()
    assert run_to(session, 30, start_s=3.75) is None
    assert [one.status for one in session.finished] == ["repeated", "good", "good"]


def test_nothing_is_repeated_before_the_first_movement():
    session = two_movements()
    run_to(session, 0.5)
    session.repeat()
    assert session.at(0.5).seconds == 0.5


def test_the_last_movement_can_be_done_again_in_the_rest_after_it():
    session = Session([Trial("fist", 1)], TIMING)
    run_to(session, 3.25)
    session.repeat()
    assert run_to(session, 10, start_s=3.25) is None
    assert [one.status for one in session.finished] == ["repeated", "good"]


@pytest.mark.parametrize(
    ("pressed_s", "expected"),
    [
        (0.5, []),  # nothing was held yet
        (2.0, [("fist", 1, 1.0, 2.0, "skipped")]),
        (3.25, [("fist", 1, 1.0, 3.0, "good")]),  # only the rest is left out
    ],
)
def test_a_trial_is_skipped(pressed_s, expected):
    session = two_movements()
    run_to(session, pressed_s)
    session.skip()
    prompt = session.at(pressed_s)
    assert (prompt.phase, prompt.movement) == ("ready", "open")
    assert held(session) == expected


def test_a_repetition_is_added_with_the_next_number():
    session = Session(make_trials(["fist", "open"], repetitions=2, first=3), TIMING, seed=0)
    session.at(0.0)
    session.add_repetition()
    run_to(session, 30.0)
    counted = Counter((one.movement, one.repetition) for one in session.finished)
    assert counted == {(movement, repetition): 1 for movement in ("fist", "open") for repetition in (3, 4, 5)}


def test_a_stop_marks_the_movement_that_is_held():
    session = two_movements()
    run_to(session, 2.0)
    session.stop()
    session.stop()
    assert session.at(2.0) is None
    assert held(session) == [("fist", 1, 1.0, 2.0, "skipped")]


ACTIONS = st.lists(
    st.sampled_from(["step", "step", "step", "pause", "resume", "repeat", "add_repetition"]), max_size=60
)


@hypothesis.given(ACTIONS, st.floats(0.05, 3.0))
def test_whatever_is_pressed_each_trial_is_held_once_to_the_end(actions, step_s):
    session = Session(make_trials(["fist", "open"], repetitions=2), TIMING, seed=0)
    time_s, added = 0.0, 0
    session.at(time_s)
    for action in actions:
        if action == "step":
            time_s += step_s
            session.at(time_s)
        else:
            added += action == "add_repetition"
            getattr(session, action)()
    session.resume()
    while session.at(time_s):
        time_s += step_s
    good = Counter((one.movement, one.repetition) for one in session.finished if one.status == "good")
    wanted = {(movement, number): 1 for movement in ("fist", "open") for number in range(1, 3 + added)}
    assert good == wanted
    borders = [border for one in session.finished for border in (one.start_s, one.stop_s)]
    assert borders == sorted(borders)


def test_each_repetition_has_every_movement_in_an_order_of_its_own():
    movements = [f"m{number}" for number in range(8)]
    trials = make_trials(movements, repetitions=5, seed=3)
    orders = [[trial.movement for trial in trials if trial.repetition == number] for number in range(1, 6)]
    assert all(sorted(order) == movements for order in orders)
    assert len({tuple(order) for order in orders}) == 5
    assert trials == make_trials(movements, repetitions=5, seed=3)
    assert trials != make_trials(movements, repetitions=5, seed=4)


def test_a_fixed_order_is_that_of_the_names():
    trials = make_trials(["open", "fist"], repetitions=2, order="fixed", first=5)
    assert trials == [Trial("open", 5), Trial("fist", 5), Trial("open", 6), Trial("fist", 6)]


@pytest.mark.parametrize(
    ("movements", "message"),
    [
        ([], "name at least one movement"),
        (["fist", "Fist"], "'fist' and 'Fist' are the same name"),
        (["fist", ""], "'' is not a name"),
        (["n/a"], "is not a name"),
        (["a\tb"], r"'a\\tb' has a tab"),
        (["a\nb"], "has a tab, a line break"),
        (["a\x1b[2J"], "has a tab, a line break"),
        ([" a"], "a space at its end"),
        (["bad_posture"], "begins with 'bad'"),
        (["x" * (LONGEST_NAME + 1)], "has 61 characters"),
    ],
)
def test_names_that_cannot_be_used_are_refused(movements, message):
    with pytest.raises(ConfigError, match=message):
        make_trials(movements, repetitions=1)


@pytest.mark.parametrize("repetitions", [0, -1, 1001])
def test_a_number_of_repetitions_out_of_range_is_refused(repetitions):
    with pytest.raises(ConfigError, match=f"--repetitions={repetitions}: give a number from 1"):
        make_trials(["fist"], repetitions=repetitions)


@pytest.mark.parametrize("option", [{"ready_s": -1.0}, {"hold_s": 0.0}, {"rest_s": float("nan")}, {"hold_s": 1e9}])
def test_times_out_of_range_are_refused(option):
    (name,) = option
    with pytest.raises(ConfigError, match=f"--{name.removesuffix('_s')}="):
        Timing(**option)
