"""Sends decisions as a stream of the LabStreamingLayer."""

import socket
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from finjax.errors import FinjaxError
from finjax.live.decision import Decision
from finjax.sources.lab_stream import load_pylsl

NO_MOVEMENT = -1
KEPT = 10  # hundreds of decisions that wait for a slow receiver; then the oldest are lost


class LabStreamOutlet:
    """A stream of type `Decisions` without a regular rate; needs `pip install pylsl`.

    A sample is the number of the movement, −1 for none, and then the probability of each movement. The channels of the
    description have the names of the movements. The layer sends in the background, so that nothing waits.

    Args:
        name: name of the stream.
        movement_names: K names, in the decoder's order.

    Raises:
        FinjaxError: the name is empty, or pylsl is not installed or cannot open a stream.
    """

    def __init__(self, name: str, movement_names: Sequence[str]):
        where = f"--to-lsl={name}"
        if not name:
            raise FinjaxError(f"{where}: give the stream a name")
        pylsl = load_pylsl(where)
        self._numbers = {movement: number for number, movement in enumerate(movement_names)}
        self.problems: Counter[str] = Counter()
        info = pylsl.StreamInfo(
            name,
            "Decisions",
            1 + len(movement_names),
            pylsl.IRREGULAR_RATE,
            pylsl.cf_float32,
            f"finjax {name} {socket.gethostname()}",  # the same after a restart: receivers then connect again
        )
        channels = info.desc().append_child("channels")
        for label, kind in (("movement", "number"), *((movement, "probability") for movement in movement_names)):
            channel = channels.append_child("channel")
            channel.append_child_value("label", label)
            channel.append_child_value("type", kind)
        try:
            self._outlet: Any = pylsl.StreamOutlet(info, chunk_size=1, max_buffered=KEPT)
        except RuntimeError as error:
            raise FinjaxError(f"{where}: the stream cannot be opened ({error})") from error

    def __call__(self, decision: Decision, level: np.ndarray) -> None:
        """See `Sink`."""
        del level
        number = NO_MOVEMENT if decision.movement is None else self._numbers[decision.movement]
        self._outlet.push_sample([number, *map(float, decision.probabilities)])

    def silent(self, seconds: float) -> None:
        """See `Sink`."""

    def close(self) -> None:
        """Removes the stream."""
        self._outlet = None  # pylsl removes it with its last reference
