"""The loop of a recording: samples from a source to a writer, prompts to a person."""

import contextlib
import dataclasses
import signal
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, Protocol

import numpy as np

from finjax.acquisition.schedule import Finished, Prompt, Session
from finjax.errors import FinjaxError, StorageError
from finjax.sources.rate import losses
from finjax.sources.source import Silences, limited
from finjax.system import interrupts

SILENCE_S = 1.0  # without samples: the person is told, and the movement is held again
LEVEL_S = 0.25  # of samples that the shown level is measured over

COMPLETE = "all trials are done"

Command = Literal["pause", "repeat", "skip", "add", "end"]  # pause also resumes


class Front(Protocol):
    """Shows prompts to a person, and takes their commands: a terminal, or a page."""

    def show(self, prompt: Prompt, level: np.ndarray, *, silent_s: float) -> None:
        """Shows a prompt; called for every chunk, a few times a second at least, and must not block.

        Args:
            prompt: what to show.
            level: `[C]`, standard deviation of the last samples.
            silent_s: seconds since the last sample, if none came for a while; else 0.
        """
        ...

    def commands(self) -> Iterable[Command]:
        """Returns the commands since the last call."""
        ...


class Sink(Protocol):
    """Takes what is recorded, see `RunWriter`.

    Attributes:
        rate_hz: samples per second.
        samples: how many were taken.
    """

    rate_hz: float

    @property
    def samples(self) -> int: ...  # noqa: D102

    def take(self, samples: np.ndarray) -> None:
        """Takes samples `[n, C]`."""
        ...

    def mark_bad(self, start: int, stop: int) -> None:
        """Marks samples as lost, from the first to before the last; they may come later."""
        ...

    def take_trials(self, finished: Sequence[Finished]) -> None:
        """Takes all movements that were held so far."""
        ...


@dataclasses.dataclass(frozen=True)
class Ending:
    """How a recording ended.

    Attributes:
        reason: why it ended: `COMPLETE`, or something else.
        problems: what was lost on the way, beside what the source itself counts.
        failed: whether the source ended, or gave nothing any more.
        error: why the source failed, if it says so.
    """

    reason: str
    problems: Counter[str]
    failed: bool = False
    error: FinjaxError | None = None

    @property
    def complete(self) -> bool:
        """Whether all trials were led through."""
        return self.reason == COMPLETE


def lead(
    chunks: Iterator[np.ndarray],
    session: Session,
    sink: Sink,
    front: Front,
    *,
    source_problems: Counter[str],
    idle_s: float = 0.0,
) -> Ending:
    """Leads a person through a session, and records until it is over, the source ends, or somebody asks to stop.

    The clock of the session is the number of samples: while none come, it waits. Where samples were lost, they are
    marked as bad; a movement in which the source fell silent is held again. While the session is paused, samples are
    recorded. A signal (Ctrl-C, SIGTERM) ends the recording like the command `end`.

    Args:
        chunks: iterator over the source; it is not closed, so that the next session can go on with it.
        session: what to show when.
        sink: takes samples and labels. The caller closes it.
        front: shows the prompts.
        source_problems: what the source itself counts; chunks at which it lost samples are marked as bad.
        idle_s: stop after this many seconds without samples; 0: never.

    Raises:
        StorageError: the sink cannot write.
    """
    loop = _Loop(session, sink, front, source_problems)
    limits, reason, failed, error = limited(chunks, idle=idle_s), "", False, None
    try:
        with interrupts.held_back() as request, contextlib.closing(limits):
            for samples in limits:
                reason = loop.step(samples)
                if reason or request.signum:
                    break
            else:
                failed = True
                reason = f"no samples came for {idle_s:g} s" if idle_s and loop.silent else "the source ended"
    except interrupts.Interrupted as interrupted:
        reason = f"stopped by {signal.Signals(interrupted.signum).name}"
    except StorageError:
        raise
    except FinjaxError as fault:
        reason, failed, error = "the source failed", True, fault
    session.stop()
    sink.take_trials(session.finished)
    return Ending(reason, loop.silences.problems, failed, error)


class _Loop:
    """One pass for each chunk of samples."""

    def __init__(self, session: Session, sink: Sink, front: Front, source_problems: Counter[str]):
        self._session, self._sink, self._front, self._source_problems = session, sink, front, source_problems
        self._losses = losses(source_problems)
        self._recent: np.ndarray | None = None  # [n, C]
        self.silences, self.silent = Silences(SILENCE_S), False

    def step(self, samples: np.ndarray) -> str:
        """Takes a chunk `[n, C]`, which may be empty; returns why the recording is over, or an empty text."""
        session, sink = self._session, self._sink
        silent_s = self.silences.look(len(samples))
        if len(samples):
            before, self._losses = self._losses, losses(self._source_problems)
            if self.silent or self._losses > before:
                doubtful = len(samples) if self._losses > before else 1  # a loss may be anywhere in the chunk
                sink.mark_bad(sink.samples - 1, sink.samples + doubtful)
            sink.take(samples)
        prompt = session.at(sink.samples / sink.rate_hz)
        if silent_s and not self.silent and prompt and prompt.phase == "hold":
            session.repeat()
        self.silent = silent_s > 0
        for command in self._front.commands():
            if command == "end":
                return "ended by the person who records"
            {
                "pause": session.resume if session.paused else session.pause,
                "repeat": session.repeat,
                "skip": session.skip,
                "add": session.add_repetition,
            }[command]()
        sink.take_trials(session.finished)
        prompt = session.at(sink.samples / sink.rate_hz)
        if prompt is None:
            return COMPLETE
        self._front.show(prompt, self._level(samples), silent_s=silent_s)
        return ""

    def _level(self, samples: np.ndarray) -> np.ndarray:
        """Returns the standard deviation `[C]` of the last samples."""
        recent = samples if self._recent is None else np.concatenate([self._recent, samples])
        self._recent = recent[-max(2, round(LEVEL_S * self._sink.rate_hz)) :]
        return self._recent.std(axis=0) if len(self._recent) else np.zeros(samples.shape[1])
