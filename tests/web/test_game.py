"""The target game: its course and its measures, by hand."""

import math
from collections import Counter

import pytest

from finjax.errors import ConfigError
from finjax.web.cursor_game import DISTANCES, SPEED, WIDTHS, CursorGame, proposed_movements
from finjax.web.facts import Facts
from finjax.web.game import PAUSE_S, Game, HoldGame, Rules, is_rest
from finjax.web.play import Player

STEP_S = 0.1


def play(game: Game, movements, *, start=0.0) -> float:
    """Passes the pause before a target, and then one decision each 100 ms; returns the time of the last one."""
    steps = round(PAUSE_S / STEP_S) + 1
    for step in range(steps):
        game.advance(start + step * STEP_S, "anything")
    assert game.phase == "target"
    time_s = start + PAUSE_S
    for count, movement in enumerate(movements, start=1):
        time_s = start + PAUSE_S + count * STEP_S
        game.advance(time_s, movement)
    return time_s


def facts_of(run: str) -> Facts:
    names = {"channel_names": ("a",), "movement_names": ("grip",), "unit": ""}
    times = {"rate_hz": 1000.0, "update_ms": 100.0, "column_ms": 10.0}
    return Facts(stream="test", run=run, port=0, token="", **names, **times)


def hold_game(**rules) -> Game:
    rules = Rules(**({"targets": 1} | rules))
    return Game(HoldGame(["grip"], rules), rules)


def test_a_movement_that_is_held_for_the_dwell_completes_its_target():
    game = hold_game()
    play(game, ["other"] + 10 * ["grip"])
    assert game.phase == "target" and game.state()["held"] == pytest.approx(0.9)
    game.advance(PAUSE_S + 1.2, "grip")  # a second after the first right decision, at 0.2 s
    (trial,) = game.trials
    assert game.phase == "done" and trial.completed
    assert trial.seconds == pytest.approx(1.2)
    assert (trial.efficiency, trial.throughput, trial.overshoots) == (1.0, None, 0)


def test_another_movement_ends_the_dwell_and_costs_efficiency():
    game = hold_game()
    play(game, 5 * ["grip"] + ["other"] + 11 * ["grip"])
    (trial,) = game.trials
    assert trial.seconds == pytest.approx(1.7)
    assert trial.overshoots == 1
    assert trial.efficiency == pytest.approx(16 / 17)


@pytest.mark.parametrize("still", [None, "Rest", "neutral (no motion)"])
def test_rest_neither_fills_the_dwell_nor_ends_it(still):
    game = hold_game()
    play(game, [still] + 3 * ["grip"] + 4 * [still] + 7 * ["grip"])
    assert game.phase == "target"  # 0.9 s: a rest is not held
    game.advance(PAUSE_S + 1.6, "grip")
    (trial,) = game.trials
    assert trial.completed and trial.efficiency == 1.0 and trial.overshoots == 0


def test_a_target_fails_at_the_time_limit():
    game = hold_game(limit_s=2.0)
    play(game, 12 * ["other"] + 7 * ["grip"])
    assert game.phase == "target"
    game.advance(PAUSE_S + 2.0, "grip")
    (trial,) = game.trials
    assert not trial.completed and trial.seconds == 2.0 and trial.efficiency is None
    result = game.result()
    assert result["completion_rate"] == 0.0
    assert result["median_seconds"] is result["path_efficiency"] is result["throughput_bits_per_s"] is None


def test_the_result_sums_up_the_completed_targets():
    game = hold_game(targets=3, limit_s=2.0)
    end = play(game, 11 * ["grip"])
    end = play(game, 20 * ["other"], start=end)
    play(game, 5 * ["other"] + 11 * ["grip"], start=end)
    result = game.result()
    assert result["completion_rate"] == pytest.approx(2 / 3)
    assert result["median_seconds"] == pytest.approx((1.1 + 1.6) / 2)
    assert result["targets"] == len(result["trials"]) == 3
    assert result["rules"] == {"targets": 3, "dwell_s": 1.0, "limit_s": 2.0, "seed": 0}


def test_the_clock_is_that_of_the_decisions():
    game = hold_game()
    play(game, 5 * ["grip"])
    state = game.state()
    assert game.state() == state  # while no decision comes, nothing happens
    game.advance(0.0, "grip")  # the stream has begun again
    assert game.phase == "target" and not game.trials


def test_the_order_is_that_of_the_seed_and_every_movement_comes_equally_often():
    names = ["a", "b", "c", "d"]
    orders = [HoldGame(names, Rules(targets=10, seed=seed)).names for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]
    for order in orders:
        assert Counter(order[:8]) == dict.fromkeys(names, 2)


@pytest.mark.parametrize(
    "rules", [{"targets": 0}, {"targets": 201}, {"dwell_s": 0.0}, {"dwell_s": 5, "limit_s": 5}, {"limit_s": math.nan}]
)
def test_rules_that_mean_nothing_are_refused(rules):
    with pytest.raises(ConfigError):
        Rules(**rules)


def test_a_game_without_movements_is_refused():
    with pytest.raises(ConfigError, match="at least one movement"):
        HoldGame([], Rules())
    with pytest.raises(ConfigError, match="two directions"):
        CursorGame({"left": "a", "right": "", "up": "", "down": ""}, Rules())
    with pytest.raises(ConfigError, match="of its own"):
        CursorGame({"left": "a", "right": "a"}, Rules())


def test_the_cursor_reaches_a_target_on_a_straight_way():
    rules = Rules(targets=1)
    task = CursorGame({"left": "L", "right": "R"}, rules)
    game = Game(task, rules)
    task._places = [(0.8, 0.0, 0.2)]
    # The edge is 0.7 away: 1.4 s at half a width a second. The dwell follows without a movement.
    play(game, 15 * ["R"] + 10 * ["rest"])
    (trial,) = game.trials
    assert trial.completed and trial.efficiency == 1.0 and trial.overshoots == 0
    assert trial.seconds - rules.dwell_s == pytest.approx(0.7 / SPEED, abs=STEP_S)
    assert trial.throughput == pytest.approx(math.log2(0.8 / 0.2 + 1) / (trial.seconds - rules.dwell_s))


def test_a_detour_costs_efficiency_and_crossing_the_target_is_an_overshoot():
    rules = Rules(targets=1, limit_s=30)
    task = CursorGame({"left": "L", "right": "R", "up": "U", "down": "D"}, rules)
    game = Game(task, rules)
    task._places = [(0.45, 0.0, 0.2)]
    # To 0.75, which leaves the target behind, and back to 0.45; then the dwell.
    play(game, 15 * ["R"] + 6 * ["L"] + 12 * [None])
    (trial,) = game.trials
    assert trial.completed and trial.overshoots == 1
    assert trial.efficiency == pytest.approx(0.45 / (0.75 + 0.3))


def test_the_cursor_stays_in_the_field():
    task = CursorGame({"left": "L", "up": "U"}, Rules())
    for _ in range(100):
        task.step("L", 0.1)
        task.step("U", 0.1)
    assert task.state()["cursor"] == [-1.0, 1.0]


def test_targets_lie_where_the_directions_lead():
    line = CursorGame({"left": "L", "right": "R"}, Rules(targets=200))
    assert {y for _, y, _ in line._places} == {0.0}
    plane = CursorGame({"left": "L", "right": "R", "up": "U", "down": "D"}, Rules(targets=200))
    assert len({(round(x, 3), round(y, 3)) for x, y, _ in plane._places}) == 8 * len(DISTANCES)
    assert {width for _, _, width in plane._places} == set(WIDTHS)
    for x, y, _ in plane._places:
        assert min(abs(math.hypot(x, y) - distance) for distance in DISTANCES) < 1e-9


def test_movements_are_proposed_by_their_names():
    names = ("neutral (no motion)", "radial deviation", "wrist flexion", "ulnar deviation", "wrist extension", "fist")
    assert proposed_movements(names) == {
        "left": "wrist flexion",
        "right": "wrist extension",
        "up": "radial deviation",
        "down": "ulnar deviation",
    }
    assert proposed_movements(("rest", "one", "two")) == {"left": "one", "right": "two", "up": "", "down": ""}
    assert is_rest("Rest") and not is_rest("fist")


@pytest.mark.parametrize("task", ["hold", "cursor"])
def test_a_time_without_decisions_does_not_count(task):
    game, names = hold_game(limit_s=4.0), ["grip"]
    if task == "cursor":
        rules = Rules(targets=1, limit_s=4.0)
        game, names = Game(CursorGame({"left": "L", "right": "R"}, rules), rules), ["R"]
        game.task._places = [(0.45, 0.0, 0.2)]
    end = play(game, names)
    before = game.state()
    game.advance(end + 5.0, names[0])  # the decisions were stopped
    after = game.state()
    assert game.phase == "target" and not game.trials
    assert after["held"] == before["held"] and after["left_s"] == before["left_s"]
    assert after.get("cursor") == before.get("cursor")
    game.advance(end + 5.1, names[0])  # the clock goes on
    assert game.state()["left_s"] == pytest.approx(before["left_s"] - 0.1)


def test_decisions_that_come_seldom_all_count():
    rules = Rules(targets=1, dwell_s=2.0)
    game = Game(HoldGame(["grip"], rules), rules, update_s=1.0)
    for time_s in range(6):  # 2 s of pause, then the target is held from 3 s to 5 s
        game.advance(float(time_s), "grip")
    (trial,) = game.trials
    assert trial.completed and trial.seconds == 3.0


def test_games_that_end_in_the_same_second_are_all_saved(tmp_path):
    facts = facts_of(run=str(tmp_path))
    for _ in range(3):
        player, game = Player(facts), hold_game()
        player.start(game)
        player.advance([(step * STEP_S, "grip") for step in range(60)])
        assert game.phase == "done" and "Saved to" in player.state()["saved"]
    assert len(list(tmp_path.glob("play-*.json"))) == 3
