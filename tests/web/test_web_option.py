"""The option `--web`: refusals before anything is loaded or while the session opens, and where a game is saved."""

import importlib.util
import json
import socket

import pytest

from finjax.commands.live import main
from finjax.web.facts import Facts
from finjax.web.game import Game, HoldGame, Rules
from finjax.web.play import Player


def test_a_port_without_the_page_is_refused(capsys):
    assert main(["no/such/run", "--port=9000"]) == 1
    assert capsys.readouterr().err == "error: --port=9000 is the port of the page: it needs --web\n"


@pytest.mark.parametrize("port", [-1, 65_536])
def test_a_port_that_is_none_is_refused(port, capsys):
    assert main(["no/such/run", "--web", f"--port={port}"]) == 1
    assert capsys.readouterr().err == f"error: --port={port}: give a port from 0 to 65535\n"


def test_without_nicegui_the_message_says_what_to_install(monkeypatch, capsys):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "nicegui" else found(name))
    assert main(["no/such/run", "--web"]) == 1
    assert "pip install '.[web]'" in capsys.readouterr().err


def test_a_port_in_use_is_one_message(small_decoder, capsys):
    pytest.importorskip("nicegui", reason="NiceGUI is not installed: pip install -e '.[web]'")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main([str(small_decoder), "--web", f"--port={port}", "--quiet"]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"error: --port={port}: cannot listen at port {port} (") and "choose another" in error


def player_in(folder) -> Player:
    facts = {"stream": "s", "unit": "", "rate_hz": 1.0, "channel_names": (), "movement_names": (), "update_ms": 20.0}
    return Player(Facts(run=str(folder), column_ms=10.0, port=1, token="", **facts))


def play(player: Player) -> dict:
    rules = Rules(targets=1, dwell_s=0.1)
    player.start(Game(HoldGame(["grip"], rules), rules))
    player.advance([(0.1 * step, "grip") for step in range(40)])
    return player.state()


def test_a_game_is_saved_in_the_run(tmp_path):
    state = play(player_in(tmp_path))
    (path,) = tmp_path.glob("play-*.json")
    assert state["saved"] == f"Saved to {path}"
    assert json.loads(path.read_text())["completion_rate"] == state["result"]["completion_rate"] == 1.0


def test_a_game_that_cannot_be_saved_still_shows_its_result(tmp_path):
    (tmp_path / "run").touch()  # where a folder should be
    state = play(player_in(tmp_path / "run"))
    assert state["result"]["completion_rate"] == 1.0
    assert "could not be saved" in state["saved"]
