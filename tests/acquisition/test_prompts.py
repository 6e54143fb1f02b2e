"""Prompts on terminals and pipes, and keys."""

import io
import os
import pty
import re
import sys

import numpy as np
import pytest
from terminals import Screen

from finjax.acquisition.keyboard import HELP, keyboard
from finjax.acquisition.schedule import Prompt
from finjax.acquisition.terminal import Terminal

LEVEL = np.array([1.0, 4.0])


@pytest.fixture(autouse=True)
def every_prompt_is_drawn(a_terminal, monkeypatch):
    monkeypatch.setattr("finjax.acquisition.terminal.REFRESH_S", -1.0)


def prompt(phase="hold", movement="fist", *, seconds=1.5, next_movement="open", paused=False, done=2):
    return Prompt(
        phase=phase, movement=movement, repetition=1, seconds=seconds, duration_s=2.0, next_movement=next_movement,
        done=done, total=8, paused=paused,
    )  # fmt: skip


def shown(*prompts, out=None, silent_s=0.0, **options):
    """The text of the last screen, without the characters that move the cursor."""
    out = out or Screen()
    view = Terminal(("a", "b"), out=out, **options)
    for one in prompts:
        out.seek(0)
        out.truncate()
        view.show(one, LEVEL, silent_s=silent_s)
    view.close()
    return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", out.getvalue())


def test_the_screen_shows_what_to_do_what_is_left_and_what_comes_next():
    pytest.importorskip("pyfiglet", reason="pyfiglet is not installed: pip install -e '.[record]'")
    text = shown(prompt())
    for part in ("HOLD", "1.5 s", "next       rest", "2 of 8", "repetition 1", HELP):
        assert part in text, part
    assert "/ _(_)___| |_" in text  # a row of "fist" in the letters of FIGlet's font "standard"
    assert "get ready" in shown(prompt("ready")) and "next       open" in shown(prompt("ready"))
    assert "next       open" in shown(prompt("rest"))
    assert "next       end" in shown(prompt("rest", next_movement=""))
    assert "PAUSED" in shown(prompt("ready", paused=True))


@pytest.mark.parametrize("case", ["not installed", "another alphabet", "too long", "low terminal"])
def test_without_large_letters_the_name_is_in_capitals(monkeypatch, case):
    name = {"another alphabet": "кулак", "too long": "a long name of a movement"}.get(case, "fist")
    if case == "not installed":
        monkeypatch.setitem(sys.modules, "pyfiglet", None)
    if case == "low terminal":
        monkeypatch.setenv("LINES", "12")
    from finjax.acquisition.terminal import _letters

    _letters.cache_clear()
    assert name.upper() in shown(prompt(movement=name)).split("\n")
    _letters.cache_clear()


def test_levels_are_shown_beside_the_highest_so_far():
    out = Screen()
    view = Terminal(("a", "b"), out=out)
    view.show(prompt(), np.array([8.0, 4.0]), silent_s=0.0)
    view.show(prompt(), np.array([4.0, np.nan]), silent_s=0.0)
    assert re.findall(r"channels   ([^\x1b\n]*)", out.getvalue()) == ["██ ██ ", "▄▄    "]


def test_a_silent_device_is_shown():
    assert "NO SAMPLES for 3 s" in shown(prompt(), silent_s=3.2)


def test_no_name_can_move_the_cursor():
    out = Screen()
    view = Terminal(("a", "b"), out=out, keys="")
    view.show(prompt(movement="x\x1b[5A"), LEVEL, silent_s=0.0)
    assert "\x1b[5A" not in out.getvalue()


def test_a_pipe_gets_a_line_for_each_phase():
    out = io.StringIO()
    view = Terminal(("a", "b"), out=out)
    for one in (prompt("ready"), prompt("ready", seconds=0.5), prompt(), prompt(seconds=0.1), prompt("rest", done=3)):
        view.show(one, LEVEL, silent_s=0.0)
    view.show(prompt("rest", done=3), LEVEL, silent_s=2.0)
    view.show(prompt("rest", done=3), LEVEL, silent_s=3.0)
    view.show(prompt("ready", "open", paused=True, done=3), LEVEL, silent_s=0.0)
    assert out.getvalue().splitlines() == [
        "get ready  fist                     repetition 1, 2 of 8 done",
        "HOLD       fist                     repetition 1, 2 of 8 done",
        "rest       rest                     repetition 1, 3 of 8 done",
        "rest       rest                     repetition 1, 3 of 8 done, no samples",
        "paused     open                     repetition 1, 3 of 8 done",
    ]


@pytest.fixture
def terminal(monkeypatch):
    """Makes stdin a terminal; yields the descriptor that a person types into."""
    person, program = pty.openpty()
    with open(program, encoding="utf-8") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        yield person
    os.close(person)


def test_keys_are_commands_in_the_order_they_were_pressed(terminal):
    with keyboard() as keys:
        assert keys.is_there and keys.commands() == []
        os.write(terminal, b" Rx\xc3\xa4\x1b[A\x1bOAsaq\n")  # in between an ä and the arrow key
        assert keys.commands() == ["pause", "repeat", "skip", "add", "end"]
        assert keys.commands() == []


def test_the_terminal_is_as_before_afterwards(terminal):
    import termios

    before = termios.tcgetattr(sys.stdin)
    with pytest.raises(KeyboardInterrupt), keyboard():
        assert termios.tcgetattr(sys.stdin)[3] & termios.ICANON == 0
        assert termios.tcgetattr(sys.stdin)[3] & termios.ISIG  # Ctrl-C stays a signal
        raise KeyboardInterrupt
    assert termios.tcgetattr(sys.stdin) == before


def test_without_a_terminal_there_are_no_keys(monkeypatch):
    read, write = os.pipe()
    os.write(write, b"q")
    with open(read, encoding="utf-8") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        with keyboard() as keys:
            assert not keys.is_there and keys.commands() == []
    os.close(write)
    monkeypatch.setattr(sys, "stdin", None)
    with keyboard() as keys:
        assert not keys.is_there and keys.commands() == []
