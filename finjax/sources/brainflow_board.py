"""Samples from a board that BrainFlow knows."""

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from finjax.errors import DataError, FinjaxError
from finjax.sources.brainflow_text import load_brainflow, parse_board
from finjax.sources.package_counter import PackageCounter
from finjax.sources.source import BUFFERED_S, PATIENCE_S, Needed, StreamInfo

POLL_S = 0.005  # between two looks for samples
STOPPED_S = 5.0  # a board without samples for this long has stopped; after its start it may need seconds
CLOSE_S = 10.0  # how long `close` waits for a board that is being opened again


class Board:
    """A board that BrainFlow knows; needs `pip install brainflow`.

    The columns are the board's EMG channels or, if it names none, its channels for biosignals of any kind. A board
    that stops is opened again until it gives samples; the board that plays a file ends with the file.

    Args:
        text: the board and its settings, as `"cyton?serial_port=/dev/ttyUSB0&channels=1-4"`, see `parse_board`.
        needed: what the board must have.

    Raises:
        FinjaxError: BrainFlow is not installed, the text is not valid, or the board cannot be opened.
        DataError: the board has other channels or another rate.
    """

    def __init__(self, text: str, *, needed: Needed):
        where = f"brainflow:{text}"
        shim = load_brainflow(where)
        setup = parse_board(text, where=where)
        self._error, self._ends = shim.BrainFlowError, setup.board == shim.BoardIds.PLAYBACK_FILE_BOARD
        self.problems: Counter[str] = Counter()
        self._opening: threading.Thread | None = None
        parameters = shim.BrainFlowInputParams()
        for key, value in setup.parameters.items():
            setattr(parameters, key, value)
        try:
            self._board: Any = shim.BoardShim(setup.board, parameters)  # None: closed
            number = self._board.get_board_id()  # of a board that plays a file: the one that was recorded
            described = shim.BoardShim.get_board_descr(number)
            columns = described.get("emg_channels") or list(shim.BoardShim.get_exg_channels(number))
        except self._error as error:
            raise FinjaxError(f"{where}: BrainFlow cannot use this board ({error})") from error
        chosen = setup.channels or tuple(range(1, len(columns) + 1))
        if not 1 <= chosen[0] <= chosen[-1] <= len(columns):
            raise DataError(f"{where}: this board has the channels 1 to {len(columns)}")
        if why := needed.misfit(len(chosen), described["sampling_rate"]):
            too_many = needed.channels is not None and len(chosen) > needed.channels
            hint = f". Choose channels, as channels=1-{needed.channels}" if too_many else ""
            raise DataError(f"{where}: the board {why}{hint}")
        self._columns = [columns[number - 1] for number in chosen]
        self._package_row = described["package_num_channel"]
        self._packages = PackageCounter(self.problems)
        self.info = StreamInfo(
            name=f"BrainFlow {described['name']}",
            rate_hz=float(described["sampling_rate"]),
            channel_names=tuple(map(str, chosen)),
            unit="uV",
        )
        self._room = round(BUFFERED_S * self.info.rate_hz)  # samples that BrainFlow keeps
        try:
            self._board.prepare_session()
        except self._error as error:
            self.close()
            raise FinjaxError(
                f"{where}: BrainFlow cannot open the board ({error}). Check that the board is on and near, that no "
                "other program uses it, and which settings it needs, such as brainflow:cyton?serial_port=/dev/ttyUSB0 "
                "(https://brainflow.readthedocs.io/en/stable/SupportedBoards.html)"
            ) from error

    def __iter__(self) -> Iterator[np.ndarray]:
        """See `Source`."""
        if self._board is None:
            return
        try:
            with contextlib.suppress(self._error):  # it is tried again as a board that has stopped
                self._board.start_stream(self._room)
            last = heard = time.monotonic()
            stopped = False
            while self._board is not None:
                samples, now = self._read(), time.monotonic()
                if len(samples):
                    last, heard, stopped = now, now, False
                elif now - last < PATIENCE_S:
                    time.sleep(POLL_S)
                    continue
                elif self._is_opening():
                    last = heard = now
                elif now - heard < STOPPED_S:
                    last = now
                elif self._ends:
                    return
                else:
                    last = heard = now
                    if not stopped:
                        self.problems["times that the board stopped"] += 1
                    stopped = True
                    self._open_again()
                yield samples
        finally:
            self.close()

    def close(self) -> None:
        """See `Source`."""
        board, self._board = self._board, None
        if self._opening is not None:
            self._opening.join(CLOSE_S)
        if board is not None:
            self._stop(board)

    def _read(self) -> np.ndarray:
        """Returns the samples that have come, `[n, C]`; none while the board is closed."""
        samples = np.zeros((0, len(self._columns)), np.float32)
        if self._board is None or self._is_opening():
            return samples
        try:
            data = self._board.get_board_data()  # [rows, n]; the board keeps only what is new
        except self._error:  # it could not be opened again
            return samples
        self._packages.look(data[self._package_row])
        return data[self._columns].T.astype(np.float32)

    def _is_opening(self) -> bool:
        return self._opening is not None and self._opening.is_alive()

    def _open_again(self) -> None:
        """Begins to open the board again, in a thread, since it may take long."""
        self._packages.reset()
        self._opening = threading.Thread(target=self._restart, args=(self._board,), name="finjax board", daemon=True)
        self._opening.start()

    def _restart(self, board: Any) -> None:
        """Closes the board and opens it; runs in the thread."""
        self._stop(board)
        with contextlib.suppress(self._error):  # it is tried again
            board.prepare_session()
            board.start_stream(self._room)
        if self._board is None:  # it was closed in the meantime
            self._stop(board)

    def _stop(self, board: Any) -> None:
        """Closes a board, whatever state it is in."""
        for step in (board.stop_stream, board.release_session):
            with contextlib.suppress(self._error):
                step()
