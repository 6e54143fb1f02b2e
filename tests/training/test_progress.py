"""Early stopping's bookkeeping."""

import math

from finjax.training.progress import Mean, Progress


def test_quiet_epochs_are_counted_in_a_row():
    progress = Progress()
    quiet = []
    for loss in (1.0, 0.9, 0.899, 0.898, 0.5, 0.501):
        progress.add(2 * loss, 2)
        assert math.isclose(progress.end_epoch(stop_change=0.005), loss)
        quiet.append(progress.quiet_epochs)
    assert quiet == [0, 0, 1, 2, 0, 1]
    assert (progress.step, progress.epoch_total, progress.epoch_count) == (6, 0.0, 0)


def test_a_mean_is_over_losses_not_over_batches():
    mean = Mean()
    mean.add(10.0, 1)
    mean.add(2.0, 3)
    assert mean.take() == 3.0
    assert mean == Mean()
