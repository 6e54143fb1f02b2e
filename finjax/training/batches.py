"""The batches of examples: a pure function of seed and step, so that a run can resume at any step."""

import dataclasses
from collections.abc import Iterator
from typing import TypeVar

import jax
import numpy as np

ExamplesT = TypeVar("ExamplesT", int, np.ndarray, jax.Array)


def stand_in(examples: ExamplesT) -> ExamplesT:
    """Maps example numbers to negative ones, which fill a batch but do not count, and maps those back."""
    return -1 - examples


@dataclasses.dataclass(frozen=True, kw_only=True)
class Batches:
    """Shuffled batches of example numbers, epoch after epoch.

    Attributes:
        examples: number of examples; each is in one batch of every epoch.
        batch_size: examples in a batch.
        steps_per_dispatch: steps handed to the devices at a time.
        seed: seed of the shuffles.
    """

    examples: int
    batch_size: int
    steps_per_dispatch: int
    seed: int

    @property
    def steps_per_epoch(self) -> int:
        """Batches in an epoch, the padded last one included."""
        return -(-self.examples // self.batch_size)

    def epoch(self, number: int) -> np.ndarray:
        """Returns the batches of an epoch, `[steps, B]` int32.

        The last batch is filled with stand-ins (see `stand_in`) for examples of this epoch. Stand-ins do not
        count, but BatchNorm gets a batch of the usual size.
        """
        order = np.random.default_rng([self.seed, number]).permutation(self.examples).astype(np.int32)
        missing = self.steps_per_epoch * self.batch_size - self.examples
        return np.concatenate([order, stand_in(np.resize(order, missing))]).reshape(-1, self.batch_size)

    def dispatches(self, start: int, stop: int) -> Iterator[np.ndarray]:
        """Yields `[k, B]` int32, the batches of steps `start` to `stop`, k at most `steps_per_dispatch`.

        The end of a dispatch depends only on the step, not on `start`, so that a resumed run has the same dispatches.
        """
        step = start
        while step < stop:
            epoch, within = divmod(step, self.steps_per_epoch)
            batches = self.epoch(epoch)
            last = min(self.steps_per_epoch, within + stop - step)
            while within < last:
                end = min((within // self.steps_per_dispatch + 1) * self.steps_per_dispatch, last)
                yield batches[within:end]
                step += end - within
                within = end
