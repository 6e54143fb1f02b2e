"""Trains the FINs that ship with finjax, on synthetic people, and writes them to finjax/inference/fins.

    python -m tools.shipped_fins                # all windows; half an hour on two CPU cores
    python -m tools.shipped_fins --length=300   # only those for windows of 300 samples

A FIN takes windows of one length, in samples. So there are FINs for 300 ms at the usual rates. They are those of
`fin:spatial`, which also imitate their feature on weighted sums of channels. The people are those of
`finjax.data.synthetic` at that rate. Amplifiers and electrodes colour the signal in different ways: each channel goes
through a random filter of one pole, and gets white noise.
"""

import argparse
import dataclasses
import sys
import tempfile
from fractions import Fraction
from pathlib import Path

import numpy as np
from scipy import signal as dsp

from finjax.configs import fin
from finjax.data import registry, synthetic
from finjax.inference.restored import load_fin
from finjax.inference.shipped import FOLDER, write_shipped
from finjax.run import run

# Window length in samples: sampling rate in Hz and samples per time step of the FIN, with which it has 5 to 20 steps.
LENGTHS = {75: (250, 15), 150: (500, 30), 300: (1000, 30), 600: (2000, 30)}
PEOPLE, SEEN = 8, "1-6"
SETTINGS = synthetic.Settings(subjects=PEOPLE, movement_s=2.0, rest_s=0.2)
POLE = 0.5  # of a channel's filter, at most
NOISE = 0.1  # white noise of a channel, as a share of its standard deviation, at most


def main(arguments: list[str] | None = None) -> int:
    """Trains the FINs; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.shipped_fins", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--length", type=int, choices=LENGTHS, help="only those for windows of so many samples")
    parser.add_argument("--max_steps", type=int, default=0, help="of the training; default: those of fin:spatial")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where to write (%(default)s)")
    options = parser.parse_args(arguments)
    for length in [options.length] if options.length else LENGTHS:
        train(length, options.folder, max_steps=options.max_steps)
    return 0


def train(length: int, folder: Path, *, max_steps: int = 0) -> None:
    """Trains the FINs for windows of so many samples, and writes them to a folder."""
    rate_hz, patch_size = LENGTHS[length]
    name = f"synthetic_{rate_hz}_hz"
    with tempfile.TemporaryDirectory(prefix="finjax_people_") as people:
        for subject in range(1, PEOPLE + 1):
            signal, movement, repetition = person(subject, rate_hz)
            np.savez(Path(people) / f"person{subject}.npz", signal=signal, movement=movement, repetition=repetition)
        registry.register(_spec(name, rate_hz))
        config = fin.get_config("spatial")
        config.data.name, config.data.dir, config.data.cache_dir = name, people, str(Path(people) / "cache")
        config.model.patch_size = patch_size
        config.train.max_steps = max_steps or config.train.max_steps
        config.log.tensorboard = False
        config.seed = 0
        run(config, workdir=Path(people) / "fins")
        fins = {name: load_fin(Path(people) / "fins" / f"fin_{name}") for name in config.target.split(",")}
        path = write_shipped(folder, fins)
    print(f"{path}: {path.stat().st_size / 1024:.0f} KiB")


def _spec(name: str, rate_hz: int) -> registry.DatasetSpec:
    return registry.DatasetSpec(
        name=name,
        rate_hz=rate_hz,
        channel_names=synthetic.CHANNEL_NAMES,
        movement_names=synthetic.MOVEMENT_NAMES,
        files=(r"person(\d+)\.npz",),
        read=_read,
        splits=dataclasses.replace(synthetic.SPLITS, seen_subjects=SEEN),
        filter=registry.Filter(highpass_hz=20.0),
        unit=synthetic.UNIT,
    )


def person(subject: int, rate_hz: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns signal, movement and repetition of a synthetic person at a sampling rate."""
    recording, rng = synthetic.generate(subject, SETTINGS), np.random.default_rng([subject, rate_hz])
    ratio = Fraction(rate_hz, round(synthetic.RATE_HZ))
    signal = dsp.resample_poly(recording.signal, ratio.numerator, ratio.denominator, axis=0)  # [N, C]
    for channel in signal.T:
        pole = rng.uniform(-POLE, POLE)
        channel[:] = dsp.lfilter([1], [1, -pole], channel)
        channel += rng.uniform(0, NOISE) * channel.std() * rng.standard_normal(len(channel), np.float32)
    at = np.minimum(np.arange(len(signal)) * ratio.denominator // ratio.numerator, len(recording.movement) - 1)
    return signal, recording.movement[at], recording.repetition[at]


def _read(paths: tuple[Path, ...]) -> list[registry.Piece]:
    (path,) = paths
    with np.load(path) as arrays:
        return [registry.Piece(**arrays)]


if __name__ == "__main__":
    sys.exit(main())
