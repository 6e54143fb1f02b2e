"""A recording that is replayed in real time."""

import itertools
import time
from collections import Counter
from collections.abc import Iterator

import numpy as np

from finjax.data.recording import Recording
from finjax.sources.source import PATIENCE_S, StreamInfo


class Replay:
    """Replays a recording in real time.

    Args:
        recording: the recording, unfiltered unless the decoder has `filtered=True`.
        chunk: samples per chunk.
        speed: speed relative to real time; 0: as fast as the decoder takes the samples.
        loop: whether to repeat the recording without end.
    """

    def __init__(self, recording: Recording, *, chunk: int, speed: float = 1.0, loop: bool = False):
        self.recording, self._chunk, self._speed, self._loop = recording, chunk, speed, loop
        self.info = StreamInfo(
            name=f"{recording.dataset}, subject {recording.subject}",
            rate_hz=recording.rate_hz,
            channel_names=recording.channel_names,
            unit=recording.unit,
        )
        self.problems: Counter[str] = Counter()

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yields chunks, each when its last sample is due."""
        rate_hz, sent = self.recording.rate_hz, 0
        started = time.perf_counter()
        for chunk in self._chunks():
            sent += len(chunk)
            if self._speed:
                due = started + sent / rate_hz / self._speed
                if time.perf_counter() - due > len(chunk) / rate_hz / self._speed:
                    self.problems["chunks that were late because this computer was busy"] += 1
                while (wait := due - time.perf_counter()) > PATIENCE_S:
                    time.sleep(PATIENCE_S)
                    yield chunk[:0]
                time.sleep(max(0.0, wait))
            yield chunk

    def _chunks(self) -> Iterator[np.ndarray]:
        signal = self.recording.signal
        for _ in itertools.count() if self._loop else range(1):
            for start in range(0, len(signal), self._chunk):
                yield np.asarray(signal[start : start + self._chunk])

    def close(self) -> None:
        """See `Source`: there is nothing to release."""
