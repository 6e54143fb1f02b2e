"""The progress of a training: counts on the host, and their display."""

import dataclasses
import logging
import math
import sys
import time

from tqdm import tqdm

from finjax.system import processes

logger = logging.getLogger(__name__)


@dataclasses.dataclass
class Mean:
    """A running mean of losses."""

    total: float = 0.0
    count: int = 0

    def add(self, total: float, count: int) -> None:
        """Adds `count` losses that sum to `total`."""
        self.total += total
        self.count += count

    def take(self) -> float:
        """Returns the mean and resets it."""
        mean = self.total / self.count
        self.total, self.count = 0.0, 0
        return mean


@dataclasses.dataclass
class Progress:
    """The counts that a resumed training needs besides the state; saved with each checkpoint.

    Attributes:
        step: steps taken.
        epoch_total: sum of the losses of the epoch so far.
        epoch_count: number of these losses.
        reference_loss: loss that the next epoch's loss is compared with.
        quiet_epochs: epochs in a row without progress.
    """

    step: int = 0
    epoch_total: float = 0.0
    epoch_count: int = 0
    reference_loss: float = math.inf
    quiet_epochs: int = 0

    def add(self, total: float, count: int) -> None:
        """Counts a step whose `count` losses sum to `total`."""
        self.step += 1
        self.epoch_total += total
        self.epoch_count += count

    def end_epoch(self) -> float:
        """Closes an epoch; returns its mean loss."""
        loss = self.epoch_total / self.epoch_count
        self.epoch_total, self.epoch_count = 0.0, 0
        return loss

    def count_quiet(self, loss: float, *, least_change: float | None) -> None:
        """Counts an epoch without progress as quiet; an epoch with progress resets the count.

        Args:
            loss: the training loss of the epoch, or the validation loss after it.
            least_change: smallest change from the loss before that counts as progress. None: only a new lowest
                loss counts.
        """
        if least_change is None:
            quiet = loss >= self.reference_loss
            self.reference_loss = min(loss, self.reference_loss)
        else:
            quiet = abs(loss - self.reference_loss) < least_change
            self.reference_loss = loss
        self.quiet_epochs = self.quiet_epochs + 1 if quiet else 0


class Display:
    """Shows the progress of a training: a bar on a terminal, log lines elsewhere; a context manager.

    Args:
        first: step the training starts from.
        last: step the training ends at.
        batch_size: examples in a step, for the speed.
    """

    def __init__(self, *, first: int, last: int, batch_size: int):
        self._bar = tqdm(
            total=last,
            initial=first,
            unit="step",
            desc="training",
            disable=None if processes.is_first() else True,
            file=sys.stderr,
            leave=True,
        )
        self._last = last
        self._batch_size = batch_size
        self._mark = (time.perf_counter(), first)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._bar.close()

    def advance(self, steps: int) -> None:
        """Moves the bar."""
        self._bar.update(steps)

    def report(self, step: int, loss: float) -> float:
        """Shows the mean loss since the last report; returns examples per second since then."""
        now = time.perf_counter()
        speed = (step - self._mark[1]) * self._batch_size / (now - self._mark[0])
        self._mark = (now, step)
        left = (self._last - step) * self._batch_size / speed
        if self._bar.disable:
            logger.info(
                "step %d/%d  loss %.4f  %.0f windows/s  %s left",
                step,
                self._last,
                loss,
                speed,
                tqdm.format_interval(left),
            )
        else:
            self._bar.set_postfix_str(f"loss {loss:.4f}, {speed:.0f} windows/s")
        return speed
