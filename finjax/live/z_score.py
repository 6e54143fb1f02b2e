"""The z-score that a live decoder uses before it is calibrated."""

import numpy as np

from finjax.data.number_lists import format_numbers
from finjax.inference.model import DecoderModel


def person_statistics(model: DecoderModel, subject: int | None) -> tuple[tuple[np.ndarray, np.ndarray] | None, str]:
    """Returns mean and standard deviation of each channel for a person, and a warning.

    Args:
        model: the decoder.
        subject: the person; None: the one that the decoder was tuned to, if there is only one.

    Returns:
        Means and standard deviations, `[C]` each: for a known person the person's own, for an unknown person the mean
        of the people that the decoder was trained on; None if the decoder has no z-scores. The warning is empty if
        they are the person's own.
    """
    signal, tuned_to = model.signal, model.subjects
    if subject is None and len(tuned_to) == 1:
        subject = tuned_to[0]
    rows = np.flatnonzero(np.asarray(signal.subjects) == subject)
    if len(rows):
        return (np.asarray(signal.mean)[rows[0]], np.asarray(signal.std)[rows[0]]), ""
    who = "this person" if subject is None else f"subject {subject}"
    warning = (
        f"The decoder has no z-score of {who} and uses the mean of the people that it was trained on. "
        "Calibrate it for better decisions"
        + (f", or choose one of its subjects ({format_numbers(tuned_to)})." if subject is None else ".")
    )
    return model.mean_of_seen(), warning
