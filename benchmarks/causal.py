"""Accuracy with the causal filter of live decoding, compared with the zero-phase filter of training.

python main.py --config=configs/cnn.py:best --config.data.name=three_dc --config.data.dir=FOLDER
python -m benchmarks.causal runs/cnn_best_three_dc --dir=FOLDER

The same decoders decode the same recordings with either filter. Decisions count if their window lies within one
movement of the test repetitions.
"""

import argparse
import itertools
from pathlib import Path

import numpy as np

from benchmarks.measure import Table
from finjax.data.loading import load_recordings
from finjax.data.recording import Recording
from finjax.data.registry import Filter, get_spec
from finjax.data.source import filter_of
from finjax.live import LiveDecoder


def accuracy(decoder: LiveDecoder, recording: Recording) -> tuple[float, int]:
    """Returns the share of right decisions in the test repetitions, and the number of decisions."""
    segments = recording.segments()
    segments = segments[np.isin(segments[:, 3], decoder.model.split.test_repetitions)]
    starts = [*recording.piece_starts, len(recording.signal)]
    right = []
    for start, stop in itertools.pairwise(starts):
        decoder.reset()
        for decision in decoder.push(recording.signal[start:stop]):
            end = start + round(decision.time_s * decoder.rate_hz)
            row = np.searchsorted(segments[:, 0], end - 1, side="right") - 1
            if row >= 0 and segments[row, 0] <= end - decoder.model.framing.length and end <= segments[row, 1]:
                right.append(decision.movement == decoder.movement_names[segments[row, 2]])
    return float(np.mean(right)), len(right)


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("run", type=Path, help="folder with subject_1, subject_2, …")
    parser.add_argument("--dir", required=True, help="folder of the recordings")
    options = parser.parse_args()
    table = Table(
        "causal",
        f"Accuracy (%) of the decoders in {options.run.name} with a zero-phase and with a causal filter",
        ("subject", "decisions", "zero-phase", "causal", "difference"),
    )
    differences = []
    for folder in sorted(options.run.glob("subject_*")):
        found = {}
        for filtered in (True, False):
            decoder = LiveDecoder(folder, update="50ms", filtered=filtered)
            (subject,), config = decoder.model.subjects, decoder.model.config.data
            filter = filter_of(config) if filtered else Filter()
            (recording,) = load_recordings(get_spec(config.name), options.dir, subjects=(subject,), filter=filter)
            found[filtered], count = accuracy(decoder, recording)
        differences.append(found[False] - found[True])
        table.add(
            subject, count, *(f"{100 * x:.1f}" for x in (found[True], found[False], differences[-1])),
            subject=subject, decisions=count, zero_phase=found[True], causal=found[False],
        )  # fmt: skip
    table.add(
        "mean", "", "", "", f"{100 * np.mean(differences):.2f}", subject=0, difference=float(np.mean(differences))
    )
    table.write()


if __name__ == "__main__":
    main()
