"""The summary of a live session: latencies, faults, and in a replay the accuracy."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from finjax.data.recording import UNLABELLED, Recording
from finjax.live.decision import Decision


class Summary:
    """Counts decisions and latencies; in a replay it also compares the decisions with the labels.

    It keeps a histogram of latencies in steps of 10 µs up to a second, so that its memory does not grow.

    Args:
        deadline_s: all sinks should have taken a decision by then; later ones are counted.
        recording: the recording that is replayed, if any.
        movement_names: K names, in the decoder's order.

    Attributes:
        missed: decisions so far that missed the deadline.
    """

    STEP_S = 1e-5

    def __init__(self, *, deadline_s: float, recording: Recording | None, movement_names: Sequence[str]):
        self._deadline_s, self._recording = deadline_s, recording
        self._names = list(movement_names)
        self._histogram = np.zeros(100_001, np.int64)  # of latencies
        self._faults: Counter[str] = Counter()
        self.missed, self._longest_s, self._none, self._no_signal = 0, 0.0, 0, 0
        self._right = self._labelled = self._changes = 0
        self._before: tuple[int, str | None] | None = None  # segment and movement of the last labelled decision
        self._first_right_s: dict[int, float] = {}  # segment: time from its onset to its first right decision
        self._decided: set[int] = set()  # segments with a decision
        if recording is not None:
            self._segments = recording.segments()

    def add(self, decision: Decision, *, passed_on_s: float | None = None) -> None:
        """Counts a decision.

        Args:
            decision: the decision.
            passed_on_s: from the arrival of its chunk until all sinks had taken it; by default, its own latency.
        """
        latency_s = decision.latency_s if passed_on_s is None else passed_on_s
        self._histogram[min(int(latency_s / self.STEP_S), len(self._histogram) - 1)] += 1
        self._longest_s = max(self._longest_s, latency_s)
        self.missed += latency_s > self._deadline_s
        self._none += decision.movement is None
        self._no_signal += not decision.has_signal
        self._faults.update(f"{name}: {fault}" for name, fault in decision.faults.items())
        if self._recording is not None:
            self._compare(decision, self._recording)

    def _compare(self, decision: Decision, recording: Recording) -> None:
        """Compares a decision with the label of its last sample."""
        length = len(recording.signal)
        lap, sample = divmod(round(decision.time_s * recording.rate_hz) - 1, length)  # the replay may be a loop
        true = recording.movement[sample]
        if true == UNLABELLED:
            self._before = None
            return
        self._labelled += 1
        row = int(np.searchsorted(self._segments[:, 0], sample, side="right")) - 1
        segment = lap * len(self._segments) + row
        self._decided.add(segment)
        if decision.movement == self._names[true]:
            self._right += 1
            onset_s = (lap * length + self._segments[row, 0]) / recording.rate_hz
            self._first_right_s.setdefault(segment, decision.time_s - onset_s)
        if (segment, decision.movement) != self._before and self._before and self._before[0] == segment:
            self._changes += 1
        self._before = (segment, decision.movement)

    @property
    def decisions(self) -> int:
        """Decisions so far."""
        return int(self._histogram.sum())

    def percentile_ms(self, share: float) -> float:
        """Returns the latency that this share of the decisions does not exceed."""
        cumulative = np.cumsum(self._histogram)
        return 1e3 * self.STEP_S * (int(np.searchsorted(cumulative, share * cumulative[-1])) + 1)

    def lines(self, problems: Counter[str]) -> list[str]:
        """Returns the lines of the summary.

        Args:
            problems: further things to list, and how often each occurred.
        """
        if not (count := self.decisions):
            return ["no decision: the stream was shorter than a window", *_listed(problems)]
        p50, p95, p99 = (self.percentile_ms(share) for share in (0.50, 0.95, 0.99))
        lines = [
            f"{count} decisions, {self._none} without a movement; {self.missed} missed the deadline of "
            f"{self._deadline_s * 1e3:g} ms",
            f"latency from the last sample until all outputs had the decision: p50 {p50:.1f}, p95 {p95:.1f}, "
            f"p99 {p99:.1f}, max {self._longest_s * 1e3:.1f} ms",
        ]
        if self._no_signal:
            lines.append(f"no electrode gave a signal: {self._no_signal} decisions without a movement for this reason")
        if self._labelled:
            lines += self._accuracy_lines()
        return lines + _listed(self._faults + problems)

    def _accuracy_lines(self) -> list[str]:
        first_s = np.array(list(self._first_right_s.values()))
        if not len(first_s):
            return [f"accuracy 0 of {self._labelled} decisions in movements"]
        return [
            f"accuracy {self._right / self._labelled:.1%} of {self._labelled} decisions in movements",
            f"first right decision {np.median(first_s) * 1e3:.0f} ms after the onset (median of "
            f"{len(first_s)} of {len(self._decided)} movements); "
            f"the decision changed {self._changes / len(self._decided):.1f} times per movement",
        ]


def _listed(counts: Counter[str]) -> list[str]:
    return [f"{what}: {count}" for what, count in counts.most_common()]
