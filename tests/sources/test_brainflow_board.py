"""Boards of BrainFlow: its synthetic board, and its board that plays a recorded file."""

import contextlib
import sys
import threading
import time
from collections import Counter

import numpy as np
import pytest

pytest.importorskip("brainflow", reason="brainflow is not installed: pip install -e '.[brainflow]'")

from finjax.errors import DataError, FinjaxError
from finjax.sources import brainflow_board
from finjax.sources.brainflow_board import Board
from finjax.sources.brainflow_text import load_brainflow, parse_board
from finjax.sources.package_counter import PackageCounter
from finjax.sources.source import Needed, limited

STOPPED = "times that the board stopped"
LOST = "packages that were lost"


@pytest.fixture
def opened():
    """Opens boards, and closes them after the test."""
    with contextlib.ExitStack() as stack:
        yield lambda text, **needed: stack.enter_context(contextlib.closing(Board(text, needed=Needed(**needed))))


@pytest.fixture
def quick(monkeypatch):
    """A board has stopped after a short time without samples."""
    monkeypatch.setattr(brainflow_board, "STOPPED_S", 0.5)


def take(chunks, count, *, seconds=30.0):
    """Takes chunks until there are so many samples."""
    end, taken = time.monotonic() + seconds, []
    while sum(map(len, taken)) < count:
        taken.append(next(chunks))
        assert time.monotonic() < end, "it took too long"
    return np.concatenate(taken)


def recorded(path, signal, *, rate_hz=250.0):
    """Writes a file as BrainFlow does for its synthetic board, with the signal in the first EMG channels."""
    described = load_brainflow("test").BoardShim.get_board_descr(-1)
    rows = np.zeros((len(signal), described["num_rows"]))
    rows[:, described["emg_channels"][: signal.shape[1]]] = signal
    rows[:, described["package_num_channel"]] = np.arange(len(signal)) % 256
    rows[:, described["timestamp_channel"]] = 1e9 + np.arange(len(signal)) / rate_hz
    np.savetxt(path, rows, fmt="%.6f", delimiter="\t")
    return f"playback_file?master_board=synthetic&file={path}"


def test_the_synthetic_board_gives_its_channels_at_its_rate(opened):
    source = opened("synthetic", channels=16, rate_hz=250.0)
    assert source.info.name == "BrainFlow Synthetic" and source.info.unit == "uV" and source.info.rate_hz == 250.0
    assert source.info.channel_names == tuple(map(str, range(1, 17)))
    found = take(iter(source), 100)
    assert found.dtype == np.float32 and found.shape[1] == 16
    assert np.all(found.std(axis=0) > 0) and not source.problems


def test_a_recorded_file_comes_out_whole_and_in_order_and_then_ends(opened, tmp_path, quick):
    signal = np.random.default_rng(0).normal(scale=100.0, size=(200, 3))
    source = opened(recorded(tmp_path / "recorded.csv", signal) + "&channels=1,3")
    assert source.info.channel_names == ("1", "3")
    found = np.concatenate(list(source))
    np.testing.assert_allclose(found, signal[:, [0, 2]], atol=1e-4)  # 6 digits in the file, float32 in the samples
    assert not source.problems


def test_a_closed_board_can_be_opened_again_in_the_same_process(opened):
    for _ in range(2):
        chunks = iter(opened("synthetic"))
        take(chunks, 1)
        del chunks  # the end of the iteration closes it
    source = opened("synthetic")
    source.close()
    source.close()
    assert not list(source)
    with contextlib.suppress(ZeroDivisionError):
        for _ in opened("synthetic"):
            raise ZeroDivisionError
    opened("synthetic")


def test_a_board_that_is_in_use_is_one_message(opened):
    opened("synthetic")
    with pytest.raises(FinjaxError, match=r"^brainflow:synthetic: BrainFlow cannot open the board \(ANOTHER_BOARD_IS"):
        opened("synthetic")


def test_nothing_is_written_to_the_terminal(opened, capfd):
    with contextlib.suppress(FinjaxError):
        opened("cyton?serial_port=/dev/nothing")
    take(iter(opened("synthetic")), 1)
    assert capfd.readouterr() == ("", "")


def test_a_board_that_stops_is_opened_again(opened, quick):
    source = opened("synthetic")
    chunks = iter(source)
    take(chunks, 20)
    source._board.release_session()  # as if it had been switched off
    take(chunks, 20)
    assert source.problems == {STOPPED: 1}


def test_a_board_that_cannot_be_opened_again_is_tried_again_and_again(opened, quick, monkeypatch):
    source = opened("synthetic")
    chunks = iter(source)
    take(chunks, 20)
    board, tries = source._board, []
    prepare = board.prepare_session

    def absent():
        tries.append(time.monotonic())
        raise source._error("not found", 2)

    monkeypatch.setattr(board, "prepare_session", absent)
    board.release_session()
    while len(tries) < 3:
        assert not len(next(chunks))
    monkeypatch.setattr(board, "prepare_session", prepare)
    take(chunks, 20)
    assert source.problems == {STOPPED: 1}


def test_a_board_that_takes_long_to_open_is_waited_for(opened, quick, monkeypatch):
    source = opened("synthetic")
    chunks = iter(source)
    take(chunks, 20)
    tries, prepare = [], source._board.prepare_session
    monkeypatch.setattr(source._board, "prepare_session", lambda: (tries.append(1), time.sleep(1.5), prepare()))
    source._board.release_session()
    take(chunks, 20)
    assert len(tries) == 1


def test_limits_hold_and_it_can_be_closed_while_a_board_is_opened_again(opened, quick, monkeypatch):
    source = opened("synthetic")
    board, begun, go_on = source._board, threading.Event(), threading.Event()
    prepare = board.prepare_session
    chunks = iter(source)
    take(chunks, 20)
    monkeypatch.setattr(board, "prepare_session", lambda: (begun.set(), go_on.wait(30), prepare()))
    board.release_session()
    assert not sum(map(len, limited(chunks, idle=1.5)))
    assert begun.is_set()
    threading.Timer(0.2, go_on.set).start()
    source.close()
    assert not board.is_prepared()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cyton?serial_port=/dev/nothing", r"BrainFlow cannot open the board \(UNABLE_TO_OPEN_PORT_ERROR"),
        ("playback_file", r"BrainFlow cannot use this board \(.*master board"),
        ("playback_file?master_board=synthetic&file=/no/such/file", "BrainFlow cannot open the board"),
        ("emotibit", "BrainFlow cannot use this board"),  # it has no EMG
        ("synthetic?channels=10-17", "this board has the channels 1 to 16"),
        ("synthetic?channels=0", "this board has the channels 1 to 16"),
    ],
)
def test_a_board_that_cannot_be_used_is_one_message(opened, text, message):
    with pytest.raises(FinjaxError, match=message) as caught:
        opened(text)
    assert str(caught.value).startswith(f"brainflow:{text}: ")


@pytest.mark.parametrize("needed", [{"channels": 8}, {"rate_hz": 1000.0}, {"channels": 16, "rate_hz": 251.0}])
def test_other_channels_or_another_rate_are_refused(opened, needed):
    with pytest.raises(DataError, match="^brainflow:synthetic: the board has 16 channels at 250 Hz, but ") as caught:
        opened("synthetic", **needed)
    assert ("channels=1-8" in str(caught.value)) == (needed.get("channels") == 8)
    opened("synthetic")  # nothing is left open


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("synthetik", r"BrainFlow has no board 'synthetik'\. Choose from .*cyton.*synthetic"),
        ("", "BrainFlow has no board ''"),
        ("no", "BrainFlow has no board 'no'"),
        ("cyton?port=COM3", r"there is no setting 'port'\. Choose from channels, .*serial_port"),
        ("cyton?ip_port=high", "ip_port=high: give a whole number"),
        ("playback_file?master_board=tape", "BrainFlow has no board 'tape'"),
        ("synthetic?channels=4-1", "channels: the range '4-1' in '4-1' is descending"),
    ],
)
def test_a_text_that_names_no_board_is_one_message(text, message):
    with pytest.raises(FinjaxError, match=f"^where: {message}"):
        parse_board(text, where="where")


def test_settings_get_to_brainflow_with_their_types():
    setup = parse_board("gforce_pro?mac_address=AA:BB&ip_port=12&master_board=cyton&channels=2,4-5", where="")
    boards = load_brainflow("test").BoardIds
    assert setup.board == boards.GFORCE_PRO_BOARD
    assert setup.parameters == {"mac_address": "AA:BB", "ip_port": 12, "master_board": boards.CYTON_BOARD}
    assert setup.channels == (2, 4, 5)


def test_an_absent_library_is_one_message(monkeypatch):
    monkeypatch.setitem(sys.modules, "brainflow", None)
    with pytest.raises(FinjaxError, match=r"^brainflow:x: needs BrainFlow.*pip install brainflow"):
        load_brainflow("brainflow:x")


@pytest.mark.parametrize(
    ("chunks", "lost"),
    [
        ([[253, 254, 255, 0, 1], [2, 3]], 0),
        ([[1, 2], [4], [7, 8]], 3),  # 3, 5 and 6
        ([[0, 2, 4], [8, 10]], 1),  # a board that counts by two lost 6
        ([[0, 4], [6, 8], [12]], 1),  # likewise 10; that it lost 2 before the step is known is not found
        ([[1, 1, 2, 2, 2], [2, 3, 3]], 0),  # several samples in a package
        ([[199, 200], [0, 1]], 0),  # a round of 201
        ([[3], [], [4]], 0),
    ],
)
def test_lost_packages_are_counted_by_their_numbers(chunks, lost):
    problems = Counter()
    packages = PackageCounter(problems)
    for chunk in chunks:
        packages.look(np.array(chunk, np.float64))
    assert problems[LOST] == lost


def test_packages_lost_on_the_way_from_a_board_are_counted(opened, tmp_path, quick):
    text = recorded(tmp_path / "whole.csv", np.zeros((100, 1)))
    lines = (tmp_path / "whole.csv").read_text().splitlines(keepends=True)
    (tmp_path / "whole.csv").write_text("".join(lines[:40] + lines[47:]))
    source = opened(text)
    assert sum(map(len, source)) == 93
    assert source.problems == {LOST: 7}
