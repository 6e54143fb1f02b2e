"""A dataset and a feature of your own: one function that reads a subject's files, and two registrations.

python main.py --config=configs/fin.py --config.plugins=examples.my_lab --config.target=peak_power \
    --config.data.name=my_lab --config.data.dir=recordings
"""

import jax.numpy as jnp
import numpy as np

from finjax import features
from finjax.data.registry import DatasetSpec, Piece, Splits, register


def read(paths):
    """Yields each file of a subject: signal `[N, C]`, and class (−1: none) and repetition (from 1) of each sample."""
    for path in paths:
        table = np.load(path)
        yield Piece(signal=table["emg"], movement=table["movement"], repetition=table["repetition"])


register(
    DatasetSpec(
        name="my_lab",
        rate_hz=1000.0,
        channel_names=("flexor", "extensor"),
        movement_names=("rest", "grip"),
        files=(r"subject(\d+)_session\d+\.npz",),  # group 1 is the subject's number
        read=read,
        splits=Splits(seen_subjects="1", train_repetitions="1", test_repetitions="2"),
    )
)
features.register(
    features.Feature(
        name="peak_power",
        label="mean fourth power",
        direct=lambda x: jnp.mean(jnp.asarray(x) ** 4, axis=-1),  # [..., T] → [...]
        terms=lambda x: [x**4],  # the same as sums of terms over the window, for long recordings
        finish=lambda sums, length: sums[0] / length,
    )
)
