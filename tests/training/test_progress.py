"""The counts for early stopping."""

import math

from finjax.training.progress import Mean, Progress


def test_quiet_epochs_are_counted_in_a_row():
    progress = Progress()
    quiet = []
    for loss in (1.0, 0.9, 0.899, 0.898, 0.5, 0.501):
        progress.add(2 * loss, 2)
        assert math.isclose(progress.end_epoch(), loss)
        progress.count_quiet(loss, least_change=0.005)
        quiet.append(progress.quiet_epochs)
    assert quiet == [0, 0, 1, 2, 0, 1]
    assert (progress.step, progress.epoch_total, progress.epoch_count) == (6, 0.0, 0)


def test_with_validation_only_a_new_lowest_loss_is_not_quiet():
    progress = Progress()
    quiet = []
    for loss in (1.0, 1.2, 1.1, 0.9, 0.9):
        progress.count_quiet(loss, least_change=None)
        quiet.append(progress.quiet_epochs)
    assert quiet == [0, 1, 2, 0, 1]


def test_a_mean_is_over_losses_not_over_batches():
    mean = Mean()
    mean.add(10.0, 1)
    mean.add(2.0, 3)
    assert mean.take() == 3.0
    assert mean == Mean()
