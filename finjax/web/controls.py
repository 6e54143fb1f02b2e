"""What a person does on the live page, done in the process that decodes, between two chunks of samples."""

import datetime
import logging
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from finjax.errors import ConfigError, FinjaxError
from finjax.live.decoder import LiveDecoder
from finjax.system.files import expanded
from finjax.web.background import Background
from finjax.web.calibration import Calibration, calibrated

MOST_NOTICES = 5
MOST_VOTES = 100
LONGEST_DWELL_MS = 2000
CALIBRATING, SAVING = "calibrating", "saving"
LONGEST_SAVE_S = 120.0  # that the end of the session waits for
ONE_AT_A_TIME = "wait until this has ended: {}"

logger = logging.getLogger(__name__)


class Controls:
    """Obeys commands: settings, pause, calibration, saving. What takes long runs beside the decisions.

    Args:
        decoder: the decoder of the session; it is changed in place, between two chunks.
        run: folder of its run.
        settings: `vote`, `least_probability` and `dwell_ms` as they are now.
        subject: number of the person, for a decoder that is saved; None: that of the decoder's only person, else a
            new one.

    Attributes:
        paused: whether decisions are held back.
    """

    def __init__(self, decoder: LiveDecoder, *, run: Path, settings: dict[str, float], subject: int | None = None):
        self.paused = False
        self._decoder, self._settings = decoder, settings
        self._run = expanded(run).resolve()  # `.` has no name
        self._subject = _person(decoder, subject)
        self._numbers: dict[str | None, int] = {name: number for number, name in enumerate(decoder.movement_names)}
        self._calibration: Calibration | None = None
        self._task, self._task_name, self._task_began = None, "", 0.0
        self._then: Callable[[Any], None] = lambda _: None
        self._calibrated = False  # whether there is anything to save
        self._is_saved = True
        self._notices: deque[dict[str, Any]] = deque(maxlen=MOST_NOTICES)
        self._notice_count = 0
        self._commands: dict[str, Callable[[dict[str, Any]], None]] = {
            "settings": self._set,
            "pause": lambda _: setattr(self, "paused", True),
            "start": lambda _: setattr(self, "paused", False),
            "calibrate": self._calibrate,
            "calibration": self._lead,
            "save": self._save,
        }

    def number_of(self, movement: str | None) -> int:
        """Returns a movement's number among the decoder's; −1: no movement."""
        return self._numbers.get(movement, -1)

    def obey(self, command: dict[str, Any]) -> None:
        """Obeys a command `{"do": …}`; one that is not possible becomes a notice on the page."""
        try:
            self._commands[command["do"]](command)
        except FinjaxError as error:
            self._notice(str(error), kind="negative")
        except (KeyError, TypeError, ValueError, OverflowError) as error:  # not from this page
            self._notice(f"command not understood ({type(error).__name__}: {error})", kind="negative")

    def take(self, samples: np.ndarray) -> None:
        """Takes the next samples `[n, C]` for a calibration that is going on."""
        if self._calibration is None:
            return
        self._calibration.take(samples)
        if self._calibration.is_complete:
            calibration, self._calibration = self._calibration, None
            try:
                calibration.check()
            except FinjaxError as error:
                self._notice(str(error), kind="negative")
                return
            self._start(CALIBRATING, self._adopt, calibrated, self._decoder.snapshot(), calibration)

    def look(self) -> None:
        """Takes the result of work that has ended."""
        if (task := self._task) is None or not task.done:
            return
        self._task, name = None, self._task_name
        if task.error:
            self._notice(f"{name}: {task.error}", kind="negative")
        else:
            self._then(task.result)

    def prompt(self) -> dict[str, Any] | None:
        """Returns what a calibration shows now, see `Calibration.state`."""
        return self._calibration and self._calibration.state()

    def state(self) -> dict[str, Any]:
        """Returns settings and notices, as JSON content."""
        return {
            "settings": self._settings,
            "paused": self.paused,
            "task": self._task_name if self._task else "",
            "task_s": round(time.monotonic() - self._task_began) if self._task else 0,
            "calibrated": self._calibrated,
            "notices": list(self._notices),
        }

    def close(self) -> int:
        """Ends the work that is going on, but a decoder is saved first; returns how many calibrations are lost."""
        if self._task is not None and self._task_name == SAVING:
            self._task.wait(LONGEST_SAVE_S)
            if self._task.error:
                logger.warning("saving: %s", self._task.error)
            self.look()
        lost = int(not self._is_saved)
        if self._task is not None:
            self._task.stop()
            lost += self._task_name == CALIBRATING
            self._task = None
        return lost

    def _set(self, command: dict[str, Any]) -> None:
        given = {name: float(command[name]) for name in self._settings if name in command}
        settings = self._settings | given
        vote, dwell_ms = round(settings["vote"]), settings["dwell_ms"]
        # The program itself may have been started with more.
        if ("vote" in given and vote > MOST_VOTES) or ("dwell_ms" in given and not 0 <= dwell_ms <= LONGEST_DWELL_MS):
            raise ConfigError(f"at most {MOST_VOTES} decisions vote, and the dwell is 0 to {LONGEST_DWELL_MS} ms")
        self._decoder.set_post_processing(
            vote=vote,
            least_probability=settings["least_probability"],
            dwell=f"{dwell_ms:g}ms" if dwell_ms else "",
        )
        self._settings = settings | {"vote": vote}

    def _calibrate(self, command: dict[str, Any]) -> None:
        self._refuse_if_busy()
        self._calibration = Calibration(
            command["movements"],
            self._decoder.movement_names,
            repetitions=int(command["repetitions"]),
            hold_s=float(command["hold_s"]),
            rate_hz=self._decoder.rate_hz,
        )

    def _lead(self, command: dict[str, Any]) -> None:
        """Changes a calibration that is going on."""
        step = command["step"]
        if self._calibration is None:
            return
        if step == "cancel":
            self._calibration = None
            self._notice("calibration cancelled: the decoder stays as it was")
        elif step in ("pause", "resume", "repeat", "skip"):
            self._calibration.command(step)

    def _adopt(self, copy: LiveDecoder) -> None:
        self._decoder.adopt(copy)
        self._calibrated, self._is_saved = True, False
        self._notice("calibrated: decisions use it from now on", kind="positive")

    def _save(self, command: dict[str, Any]) -> None:
        del command
        self._refuse_if_busy()
        if not self._calibrated:
            raise ConfigError("there is nothing to save: calibrate first")
        folder = self._run.with_name(f"{self._run.name}_calibrated_{datetime.datetime.now():%Y-%m-%d_%H%M%S}")
        self._start(SAVING, self._saved, saved, self._decoder.snapshot(), folder, self._subject)

    def _saved(self, folder: Path) -> None:
        self._is_saved = True
        self._notice(f"saved to {folder}; use it with: finjax live {folder}", kind="positive")

    def _refuse_if_busy(self) -> None:
        if self._task is not None:
            raise ConfigError(ONE_AT_A_TIME.format(self._task_name))
        if self._calibration is not None:
            raise ConfigError(ONE_AT_A_TIME.format("calibration"))

    def _start(self, name: str, then: Callable[[Any], None], function: Callable[..., Any], *arguments: Any) -> None:
        self._task, self._task_name, self._then = Background(function, *arguments), name, then
        self._task_began = time.monotonic()

    def _notice(self, text: str, *, kind: str = "info") -> None:
        self._notice_count += 1
        self._notices.append({"number": self._notice_count, "kind": kind, "text": text})


def saved(decoder: LiveDecoder, folder: Path, subject: int) -> Path:
    """Saves a decoder and returns the folder; runs in a process of its own."""
    decoder.save(folder, subject=subject)
    return folder


def _person(decoder: LiveDecoder, subject: int | None) -> int:
    """Returns the number under which a person is saved."""
    model = decoder.model
    if subject is None and len(model.subjects) == 1:
        return model.subjects[0]
    return max({*model.subjects, *model.trained_on, 0}) + 1 if subject is None else subject
