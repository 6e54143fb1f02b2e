"""The page of the target game."""

import datetime
import html
import itertools
import secrets
from pathlib import Path
from typing import Any

from finjax.errors import FinjaxError
from finjax.system.files import expanded, whats_wrong, write_json
from finjax.web.cursor_game import DIRECTIONS, CursorGame, proposed_movements
from finjax.web.facts import Facts
from finjax.web.game import Game, HoldGame, Rules, is_rest
from finjax.web.layout import add_head
from finjax.web.mirror import Decided, Mirror


class Player:
    """A game on one page, from start to saved result.

    Args:
        facts: about the session; the results are written into `facts.run`.
    """

    def __init__(self, facts: Facts):
        self._facts = facts
        self._game: Game | None = None
        self._saved = ""

    def start(self, game: Game) -> None:
        """Begins a game."""
        self._game, self._saved = game, ""

    def stop(self) -> None:
        """Ends the game without a result."""
        self._game = None

    def advance(self, decided: Decided) -> None:
        """Takes new decisions; at the end of the game it saves the result."""
        game = self._game
        if game is None or game.phase == "done":
            return
        for time_s, movement in decided:
            game.advance(time_s, movement)
        if game.phase == "done":
            self._save(game)

    def state(self) -> dict[str, Any] | None:
        """Returns what the page shows, as JSON content; None without a game."""
        if self._game is None:
            return None
        state = self._game.state()
        if self._game.phase == "done":
            state |= {"result": self._game.result(), "saved": self._saved}
        return state

    def _save(self, game: Game) -> None:
        now = datetime.datetime.now()
        path = _free(expanded(self._facts.run) / f"play-{now:%Y-%m-%d_%H%M%S}.json")
        content = {
            "date": now.isoformat(timespec="seconds"),
            "run": self._facts.run,
            "stream": self._facts.stream,
            "update_ms": self._facts.update_ms,
            **game.result(),
        }
        try:
            write_json(path, content)
        except OSError as error:
            self._saved = f"The result could not be saved to {path}: {whats_wrong(error)}"
        else:
            self._saved = f"Saved to {path}"


def _free(path: Path) -> Path:
    """Returns a path, with a number if it is taken: two pages may end their games in the same second."""
    numbered = (path.with_stem(f"{path.stem}_{number}") for number in itertools.count(2))
    return next(one for one in itertools.chain([path], numbered) if not one.exists())


class Players:
    """The games of all pages, by a key that each page has.

    Args:
        mirror: gives the decisions.
    """

    def __init__(self, mirror: Mirror):
        self._mirror = mirror
        self._players: dict[str, Player] = {}

    def add(self) -> tuple[str, Player]:
        """Returns a new key and its player."""
        key, player = secrets.token_urlsafe(8), Player(self._mirror.facts)
        self._players[key] = player
        self._mirror.listeners.add(player.advance)
        return key, player

    def remove(self, key: str) -> None:
        """Forgets a page that was closed."""
        if player := self._players.pop(key, None):
            self._mirror.listeners.discard(player.advance)

    def state(self, key: str) -> dict[str, Any] | None:
        """Returns the state of a page's game; None without one."""
        player = self._players.get(key)
        return player.state() if player else None


def add_play_page(mirror: Mirror, players: Players) -> None:
    """Adds the page of the game to NiceGUI.

    Args:
        mirror: what the page shows.
        players: the games of all pages.
    """
    from nicegui import ui

    @ui.page("/play", title="finjax live: target game")
    def play() -> None:
        facts = mirror.facts
        key, player = players.add()
        ui.context.client.on_delete(lambda: players.remove(key))
        add_head(facts, script="play.js")
        ui.html(
            f'<header class="bar" id="player" data-key="{key}"><div class="brand">finjax <b>target game</b></div>'
            f'<div class="where"><span>{html.escape(facts.run)}</span></div>'
            '<a class="go" href="/">Live page</a></header>',
            sanitize=False,
        )
        with ui.element("main").classes("play"):
            ui.html(_STAGE, sanitize=False).classes("card stage")
            with ui.element("section").classes("card rules"):
                _add_rules(facts, player)
            ui.html(_RESULT, sanitize=False).classes("card result")


_STAGE = (
    '<div class="title"><span id="game-number">Target game</span><span id="badge"></span>'
    '<span id="game-clock" class="right"></span></div>'
    '<div class="field"><canvas id="field"></canvas><div id="goal"><div id="goal-text"></div>'
    '<div id="goal-picture"></div><div id="goal-name">Choose a game and press Start.</div></div></div>'
    '<div class="foot"><span>Decision</span><b id="play-decision">–</b><span id="dots" class="right"></span></div>'
)
_RESULT = (
    '<div class="title">Result</div><div class="numbers">'
    '<div><b id="r-rate">–</b><span>completed</span></div><div><b id="r-seconds">–</b><span>median time</span></div>'
    '<div><b id="r-path">–</b><span>path efficiency</span></div>'
    '<div><b id="r-throughput">–</b><span>throughput</span></div></div><div id="r-saved"></div>'
)


def _add_rules(facts: Facts, player: Player) -> None:
    """Adds the choice of a game."""
    from nicegui import ui

    names = list(facts.movement_names)
    ui.html('<div class="title">Game</div>', sanitize=False)
    kind = ui.toggle({"hold": "Hold the movement", "cursor": "Move the cursor"}, value="hold")
    kind.props("id=kind no-caps unelevated spread")
    movements = ui.select(names, multiple=True, value=[name for name in names if not is_rest(name)], label="Movements")
    movements.props("use-chips outlined").classes("wide").bind_visibility_from(kind, "value", value="hold")
    with ui.element("div").classes("pair").bind_visibility_from(kind, "value", value="cursor"):
        proposed = proposed_movements(facts.movement_names)
        directions = {
            direction: ui.select({"": "–"} | {name: name for name in names}, value=proposed[direction], label=direction)
            .props("outlined dense")
            .classes("wide")
            for direction in DIRECTIONS
        }
    with ui.element("div").classes("pair"):
        targets = ui.number("Targets", value=10, min=1, max=200, step=1).props("outlined dense")
        seed = ui.number("Order (seed)", value=0, min=0, step=1).props("outlined dense")
        dwell_s = ui.number("Dwell (s)", value=1.0, min=0.1, max=10, step=0.1).props("outlined dense")
        limit_s = ui.number("Time limit (s)", value=10, min=1, max=120, step=1).props("outlined dense")

    def start() -> None:
        try:
            rules = Rules(
                targets=int(targets.value or 0),
                dwell_s=float(dwell_s.value or 0),
                limit_s=float(limit_s.value or 0),
                seed=int(seed.value or 0),
            )
            chosen = {direction: select.value or "" for direction, select in directions.items()}
            task = HoldGame(movements.value, rules) if kind.value == "hold" else CursorGame(chosen, rules)
        except FinjaxError as error:
            ui.notify(str(error), type="negative")
            return
        player.start(Game(task, rules, update_s=facts.update_ms / 1e3))

    with ui.element("div").classes("buttons"):
        ui.button("Start", on_click=start).props("id=play-start unelevated no-caps")
        ui.button("Stop", on_click=player.stop).props("id=play-stop outline no-caps")
