"""Whose z-score a live decoder takes before it is calibrated."""

import numpy as np

from finjax.data.number_lists import format_numbers
from finjax.inference.restored import DecoderModel


def stored_statistics(model: DecoderModel, subject: int | None) -> tuple[tuple[np.ndarray, np.ndarray] | None, str]:
    """Returns means and standard deviations of the channels, each `[C]`, and a warning where they are not the person's.

    Args:
        model: the decoder.
        subject: whose; None: the one that the decoder was tuned to, if it is only one.

    Returns:
        Those of the person; of somebody whom the decoder does not know, the mean of the people that it was trained on;
        None where it knows nobody. The warning is empty where they are the person's own.
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
        + (f", or name one of its subjects ({format_numbers(tuned_to)})." if subject is None else ".")
    )
    return model.mean_of_seen(), warning
