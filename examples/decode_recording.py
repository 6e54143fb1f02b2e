"""Decodes a recording chunk by chunk, as an amplifier would send it.

python main.py --config=configs/cnn.py:best --config.subject=1
python -m examples.decode_recording runs/cnn_best/subject_1
"""

import sys

import numpy as np

from finjax.data import synthetic
from finjax.live import LiveDecoder


def main(run: str) -> None:
    """Prints every change of movement, and how many decisions were right."""
    decoder = LiveDecoder(run, update="20ms", vote=5, least_probability=0.3, dwell="60ms")
    recording = synthetic.generate(decoder.model.subjects[0], decoder.model.config.data.synthetic)
    new = recording.repetition == decoder.model.split.test_repetitions[0]
    signal, truth = recording.signal[new], recording.movement[new]

    right, count, shown = 0, 0, None
    for chunk in np.array_split(signal, len(signal) // 100):  # 50 ms at a time; any size does
        for decision in decoder.push(chunk):
            if decision.movement != shown:
                print(f"{decision.time_s:7.2f} s  {decision.movement or '(unsure)'}")
                shown = decision.movement
            movement = truth[round(decision.time_s * decoder.rate_hz) - 1]
            count += 1
            right += decision.movement == decoder.movement_names[movement]
    print(f"{right / count:.1%} of {count} decisions right (synthetic data)")


if __name__ == "__main__":
    main(sys.argv[1])
