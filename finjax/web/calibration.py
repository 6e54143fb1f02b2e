"""Guided calibration: prompts a person, labels the samples of the stream, and fits a copy of the decoder to them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from finjax.acquisition.schedule import Session
from finjax.acquisition.trials import Timing, make_trials
from finjax.data.electrodes import with_gaps_held
from finjax.data.recording import UNLABELLED
from finjax.errors import ConfigError, DataError
from finjax.live.decoder import LiveDecoder

REACTION_S = 0.5  # after the prompt, before the person has reached the movement; these samples get no label
CHUNKS_OF_A_BLOCK = 500  # that are pickled as one
LONGEST_S = 1800.0  # of all samples that are collected, so that the memory is bounded


class Calibration:
    """Collects labelled samples while a session prompts.

    Its clock is the number of samples received, without those of pauses.

    Args:
        movements: the names to prompt, at least two.
        movement_names: K names of the decoder, which give the labels their numbers.
        repetitions: of each movement.
        hold_s: how long each is held.
        rate_hz: samples per second.

    Raises:
        ConfigError: the movements or numbers cannot be used.
    """

    def __init__(
        self,
        movements: Sequence[str],
        movement_names: Sequence[str],
        *,
        repetitions: int,
        hold_s: float,
        rate_hz: float,
    ):
        if unknown := [name for name in movements if name not in movement_names]:
            raise ConfigError(f"the decoder has no movement {unknown[0]!r}")
        if len(movements) < 2:
            raise ConfigError("calibration takes two movements or more")
        if hold_s <= REACTION_S:
            raise ConfigError(f"a movement must be held for more than {REACTION_S:g} s")
        timing = Timing(ready_s=2.0, hold_s=hold_s, rest_s=1.5)
        trials = make_trials(movements, repetitions=repetitions)
        self.session = Session(trials, timing)
        length_s = len(trials) * (timing.ready_s + timing.hold_s + timing.rest_s)
        if length_s > LONGEST_S:
            raise ConfigError(
                f"{len(trials)} trials take {length_s / 60:.0f} minutes; at most {LONGEST_S / 60:g} are possible: "
                "choose fewer movements or repetitions"
            )
        self._numbers = {name: number for number, name in enumerate(movement_names)}
        self._rate_hz, self._count = rate_hz, 0
        self._chunks: list[np.ndarray] = []
        self._faulty: list[np.ndarray] = []  # for each chunk, whether a value of a sample was not finite
        self._last: np.ndarray | None = None  # finite value of each channel
        self._prompt = self.session.at(0.0)

    @property
    def is_complete(self) -> bool:
        """Whether all movements were held."""
        return self._prompt is None

    def take(self, samples: np.ndarray) -> None:
        """Takes the next samples `[n, C]` of the stream.

        A value that is not finite is replaced by the one before, and its sample gets no label.
        """
        if self.session.paused or not len(samples):
            return
        if self._count > LONGEST_S * self._rate_hz:  # many trials were repeated
            self.session.stop()
        samples = np.array(samples, np.float32)
        finite = np.isfinite(samples)
        before = np.zeros(samples.shape[1], np.float32) if self._last is None else self._last
        samples = with_gaps_held(samples, finite, before)
        self._chunks.append(samples)
        self._faulty.append(np.asarray(~finite.all(axis=1)))
        self._last = samples[-1]
        self._count += len(samples)
        self._prompt = self.session.at(self._count / self._rate_hz)

    def command(self, name: str) -> None:
        """Does what the person asks: `"pause"`, `"resume"`, `"repeat"` or `"skip"`."""
        getattr(self.session, name)()
        self._prompt = self.session.at(self._count / self._rate_hz)

    def state(self) -> dict[str, Any] | None:
        """Returns what the page shows now, as JSON content; None after the last movement."""
        if (prompt := self._prompt) is None:
            return None
        return {
            "phase": prompt.phase,
            "movement": prompt.movement,
            "next": prompt.next_movement,
            "seconds": round(prompt.seconds, 2),
            "duration_s": prompt.duration_s,
            "done": prompt.done,
            "total": prompt.total,
            "paused": prompt.paused,
        }

    def __getstate__(self) -> dict[str, Any]:
        """Returns the state with chunks put together: pickling many small ones would hold up the decisions."""
        return self.__dict__ | {name: _blocks(getattr(self, name)) for name in ("_chunks", "_faulty")}

    def check(self) -> None:
        """Raises `ConfigError` if fewer than two movements were held to the end."""
        if len({held.movement for held in self.session.finished if held.status == "good"}) < 2:
            raise ConfigError("fewer than two movements were held to the end: calibrate again")

    def recording(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns the samples `[n, C]` and their labels `[n]`, as `LiveDecoder.calibrate` takes them.

        Raises:
            ConfigError: fewer than two movements were held to the end.
            DataError: fewer than two have samples with a label, as the others were not finite.
        """
        self.check()
        labels = np.full(self._count, UNLABELLED, np.int64)
        for held in self.session.finished:
            if held.status == "good":
                start, stop = (round(time_s * self._rate_hz) for time_s in (held.start_s + REACTION_S, held.stop_s))
                labels[start:stop] = self._numbers[held.movement]
        faulty = np.concatenate(self._faulty)
        labels[faulty] = UNLABELLED
        if np.count_nonzero(np.unique(labels) != UNLABELLED) < 2:
            raise DataError(
                f"{np.count_nonzero(faulty)} of {self._count} samples were not finite in every channel, and fewer than "
                "two movements are left: check the electrodes and calibrate again"
            )
        return np.concatenate(self._chunks), labels


def calibrated(decoder: LiveDecoder, calibration: Calibration) -> LiveDecoder:
    """Returns a copy of a decoder that was calibrated; runs in a process of its own."""
    decoder.calibrate(*calibration.recording(), progress=False)
    return decoder


def _blocks(chunks: list[np.ndarray]) -> list[np.ndarray]:
    starts = range(0, len(chunks), CHUNKS_OF_A_BLOCK)
    return [np.concatenate(chunks[start : start + CHUNKS_OF_A_BLOCK]) for start in starts]
