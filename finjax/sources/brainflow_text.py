"""The text that names a board of BrainFlow, and BrainFlow itself."""

import dataclasses
import importlib.resources
from types import ModuleType

from finjax.data.number_lists import parse_numbers
from finjax.errors import FinjaxError

CHANNELS = "channels"  # the key that is not BrainFlow's


@dataclasses.dataclass(frozen=True, kw_only=True)
class BoardSetup:
    """A board and its settings.

    Attributes:
        board: number of the board in BrainFlow.
        parameters: BrainFlow's settings for it, by name.
        channels: numbers of the channels to use, from 1; empty: all.
    """

    board: int
    parameters: dict[str, str | int]
    channels: tuple[int, ...]


def parse_board(text: str, *, where: str) -> BoardSetup:
    """Returns the board that a text names, such as `cyton?serial_port=/dev/ttyUSB0&channels=1-4`.

    Args:
        text: BrainFlow's name of the board in lower case without `_board`; after `?`, fields of BrainFlow's
            `BrainFlowInputParams` with their values, separated by `&`, and `channels`.
        where: the whole text of the source, for messages.

    Raises:
        FinjaxError: BrainFlow is not installed, or there is no such board or setting.
    """
    shim = load_brainflow(where)
    boards = {
        board.name.lower().removesuffix("_board"): int(board) for board in shim.BoardIds if board.name != "NO_BOARD"
    }
    name, _, query = text.partition("?")
    known, parameters, channels = vars(shim.BrainFlowInputParams()), {}, ()
    board = _board(name, boards, where)
    for item in filter(None, query.split("&")):
        key, _, value = item.partition("=")
        if key == CHANNELS:
            channels = _channels(value, where)
        elif key not in known:
            raise FinjaxError(f"{where}: there is no setting {key!r}. Choose from {', '.join((CHANNELS, *known))}")
        elif key == "master_board":
            parameters[key] = _board(value, boards, where)
        elif isinstance(known[key], int):
            parameters[key] = _whole_number(key, value, where)
        else:
            parameters[key] = value
    return BoardSetup(board=board, parameters=parameters, channels=channels)


def load_brainflow(where: str) -> ModuleType:
    """Returns BrainFlow's module of boards, which then writes no log; `where` is what needs it, for the message.

    Raises:
        FinjaxError: BrainFlow is not installed, or cannot load its library.
    """
    try:
        from brainflow import board_shim

        # Before Python 3.12 BrainFlow cannot find its library without `pkg_resources`, which setuptools 82 lacks.
        board_shim.files = lambda _: importlib.resources.files("brainflow")
        board_shim.BoardShim.disable_board_logger()
    except (ImportError, OSError) as error:
        raise FinjaxError(
            f"{where}: needs BrainFlow, which cannot be loaded ({error}): pip install brainflow, or in a checkout "
            "pip install '.[brainflow]'"
        ) from error
    return board_shim


def _board(name: str, boards: dict[str, int], where: str) -> int:
    if name not in boards:
        raise FinjaxError(f"{where}: BrainFlow has no board {name!r}. Choose from {', '.join(sorted(boards))}")
    return boards[name]


def _channels(value: str, where: str) -> tuple[int, ...]:
    try:
        return parse_numbers(value)
    except FinjaxError as error:
        raise FinjaxError(f"{where}: {CHANNELS}: {error}") from error


def _whole_number(key: str, value: str, where: str) -> int:
    try:
        return int(value)
    except ValueError as error:
        raise FinjaxError(f"{where}: {key}={value}: give a whole number") from error
