"""Restores a checkpoint and evaluates it in your own script.

python main.py --config=configs/cnn.py:best --config.subject=1
python -m examples.evaluate_checkpoint runs/cnn_best/subject_1
"""

import dataclasses
import sys

import numpy as np
from sklearn.metrics import classification_report

import finjax
from finjax.data import synthetic
from finjax.data.windows import index_windows, pack


def main(run: str) -> None:
    """Prints precision and recall of each movement on the test repetitions."""
    model = finjax.load(run)
    recording = synthetic.generate(model.subjects[0], model.config.data.synthetic)
    # The model z-scores with the statistics of its subjects, which are stored with it.
    store = pack([dataclasses.replace(recording, signal=model.normalise(recording))])
    index = index_windows(store.segments, model.framing)
    index = index[np.isin(index.repetition, model.split.test_repetitions)]
    found = np.asarray(model(store.cut_out(index, length=model.framing.length)))  # [n]
    names = np.array(model.movement_names)
    print(classification_report(names[index.movement], names[found], zero_division=0))


if __name__ == "__main__":
    main(sys.argv[1])
