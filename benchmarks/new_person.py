"""Time from a new person's recording to a live decoder FIN+CNN `:best` that has decided its first window.

python -m benchmarks.new_person

The FINs are there already, from other people: here they are trained for a few steps first, because the time does not
depend on how good they are. The person is synthetic, or participant 7 of the 3DC recordings that FINJAX_3DC_DIR names.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.measure import Table, Timing

STEPS = 40  # of the FINs


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--decide", metavar="RUN", help=argparse.SUPPRESS)  # in a process of its own
    if run := parser.parse_args().decide:
        _decide(run)
        return
    real = os.environ.get("FINJAX_3DC_DIR")
    subject, whose = (7, "3DC, participant 7") if real else (6, "synthetic")
    data = ("--config.data.name=three_dc", f"--config.data.dir={real}") if real else ()
    table = Table(
        "new_person",
        "A new person's FIN+CNN `:best`, from the recording to the first decision",
        ("data", "part", "time"),
    )
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        short = (f"--config.train.max_steps={STEPS}", "--config.evaluate.max_windows=50")
        _timed("fin", "--config=fin:best", *data, *short, f"--workdir={place}")
        person = (*data, f"--config.subject={subject}")
        start = f"--config.fine_tune.cnn_init={place}/cnn/subject_{subject}"
        fins = f"--config.fine_tune.fins={place}/fin_{{feature}}"
        parts = {
            "CNN": _timed("cnn", "--config=cnn:best", *person, f"--workdir={place}/cnn"),
            "FIN+CNN": _timed("fine-tune", "--config=fine_tune:best", *person, start, fins, f"--workdir={place}/tuned"),
            "first decision": _timed_command("benchmarks.new_person", f"--decide={place}/tuned/subject_{subject}"),
        }
    for part, seconds in {**parts, "together": sum(parts.values())}.items():
        timing = Timing((seconds,))
        table.add(whose, part, timing, data=whose, part=part, finjax_s=timing)
    table.write()


def _timed(stage: str, *options: str) -> float:
    return _timed_command("finjax", stage, *options, "--config.log.tensorboard=False")


def _timed_command(module: str, *arguments: str) -> float:
    """Returns the seconds that a command takes, with everything."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", module, *arguments], check=True, capture_output=True)
    return time.perf_counter() - started


def _decide(run: str) -> None:
    from finjax.live.decoder import LiveDecoder

    decoder = LiveDecoder(run)
    length = decoder.model.framing.length
    samples = np.random.default_rng(0).normal(size=(length, len(decoder.channel_names)))
    assert len(decoder.push(samples)) == 1


if __name__ == "__main__":
    main()
