"""What a live session came to."""

from collections import Counter

import numpy as np

from finjax.data.recording import UNLABELLED, Recording
from finjax.live import Decision


class Summary:
    """Counts decisions and latencies, and in a replay compares decisions with the labels.

    Memory is that of a histogram: latencies are kept in steps of 10 µs up to a second.

    Args:
        deadline_s: a decision that has not been passed on by then missed it; the time spent in outputs counts.
        recording: what is replayed, if anything.
        movement_names: K names, in the decoder's order.
    """

    STEP_S = 1e-5

    def __init__(self, *, deadline_s: float, recording: Recording | None, movement_names):
        self._deadline_s, self._recording = deadline_s, recording
        self._names = list(movement_names)
        self._latencies = np.zeros(100_001, np.int64)
        self._faults: Counter[str] = Counter()
        self._missed, self._longest, self._none, self._no_signal = 0, 0.0, 0, 0
        self._right = self._labelled = self._changes = 0
        self._before: tuple[int, str | None] | None = None
        self._first_right: dict[int, float] = {}
        self._met: set[int] = set()
        if recording is not None:
            self._segments = recording.segments()

    def add(self, decision: Decision, *, passed_on_s: float | None = None) -> None:
        """Counts a decision.

        Args:
            decision: the decision.
            passed_on_s: from the arrival of its chunk until all outputs had taken it; by default, its own latency.
        """
        latency_s = decision.latency_s if passed_on_s is None else passed_on_s
        self._latencies[min(int(latency_s / self.STEP_S), len(self._latencies) - 1)] += 1
        self._longest = max(self._longest, latency_s)
        self._missed += latency_s > self._deadline_s
        self._none += decision.movement is None
        self._no_signal += not decision.has_signal
        self._faults.update(f"{name}: {fault}" for name, fault in decision.faults.items())
        if self._recording is not None:
            self._compare(decision)

    def _compare(self, decision: Decision) -> None:
        length = len(self._recording.signal)
        lap, sample = divmod(round(decision.time_s * self._recording.rate_hz) - 1, length)  # a replay may begin again
        truth = self._recording.movement[sample]
        if truth == UNLABELLED:
            self._before = None
            return
        self._labelled += 1
        row = int(np.searchsorted(self._segments[:, 0], sample, side="right")) - 1
        segment = lap * len(self._segments) + row
        self._met.add(segment)
        if decision.movement == self._names[truth]:
            self._right += 1
            onset = (lap * length + self._segments[row, 0]) / self._recording.rate_hz
            self._first_right.setdefault(segment, decision.time_s - onset)
        if (segment, decision.movement) != self._before and self._before and self._before[0] == segment:
            self._changes += 1
        self._before = (segment, decision.movement)

    def percentile_ms(self, share: float) -> float:
        """Returns the latency that this share of the decisions did not exceed."""
        cumulative = np.cumsum(self._latencies)
        return 1e3 * self.STEP_S * (int(np.searchsorted(cumulative, share * cumulative[-1])) + 1)

    def lines(self, problems: Counter[str]) -> list[str]:
        """Returns what to print at the end."""
        count = int(self._latencies.sum())
        if not count:
            return ["no decision: the stream was shorter than a window", *_listed(problems)]
        p50, p95, p99 = (self.percentile_ms(share) for share in (0.50, 0.95, 0.99))
        lines = [
            f"{count} decisions, {self._none} of them none; {self._missed} missed the deadline of "
            f"{self._deadline_s * 1e3:g} ms",
            f"latency, last sample to decision passed on: p50 {p50:.1f}, p95 {p95:.1f}, p99 {p99:.1f}, "
            f"max {self._longest * 1e3:.1f} ms",
        ]
        if self._no_signal:
            lines.append(f"no electrode gives a signal: {self._no_signal} of the decisions are none because of that")
        if self._recording is not None and self._labelled:
            first = np.array(list(self._first_right.values()))
            lines += (
                [
                    f"accuracy {self._right / self._labelled:.1%} of {self._labelled} decisions in movements",
                    f"first right decision {np.median(first) * 1e3:.0f} ms after the onset (median of "
                    f"{len(first)} of {len(self._met)} movements); "
                    f"{self._changes / len(self._met):.1f} changes of mind in a movement",
                ]
                if len(first)
                else [f"accuracy 0 of {self._labelled} decisions in movements"]
            )
        return lines + _listed(self._faults + problems)


def _listed(counted: Counter[str]) -> list[str]:
    return [f"{what}: {count}" for what, count in counted.most_common()]
