"""Records a known signal in real time, and logs what was handed to the writer: `recording_child.py FOLDER LOG`."""

import itertools
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np

from finjax.acquisition.bids import Folder, Person
from finjax.acquisition.record import lead
from finjax.acquisition.run_writer import RunWriter, Setup
from finjax.acquisition.schedule import Session
from finjax.acquisition.trials import Timing, make_trials
from finjax.sources.source import StreamInfo

RATE_HZ, CHUNK, CHANNELS = 1000.0, 20, 4


def samples_from(start, count):
    """The signal: it says where it is."""
    number = np.arange(start, start + count)[:, None]
    return (number % 5000 + 0.25 * np.arange(CHANNELS)).astype(np.float32)


class Log:
    """A front that writes after each chunk how many samples and trials the writer has taken."""

    def __init__(self, file, writer, session):
        self._file, self._writer, self._session = file, writer, session

    def show(self, prompt, level, *, silent_s):
        self._file.write(b"%d %d\n" % (self._writer.samples, len(self._session.finished)))

    def commands(self):
        return ()


def chunks():
    began = time.monotonic()
    for number in itertools.count():
        time.sleep(max(0.0, began + number * CHUNK / RATE_HZ - time.monotonic()))
        yield samples_from(number * CHUNK, CHUNK)


def main(folder, log):
    info = StreamInfo(
        name="child", rate_hz=RATE_HZ, channel_names=tuple(f"c{number}" for number in range(CHANNELS)), unit="uV"
    )
    setup = Setup(movements=["fist", "open"], unit="uV", physical_max=10_000.0, mains_hz=50)
    session = Session(make_trials(setup.movements, repetitions=100), Timing(ready_s=0.1, hold_s=0.3, rest_s=0.1))
    writer = RunWriter(Folder(Path(folder)), Person(1), info, setup)
    with open(log, "wb", buffering=0) as file:
        lead(chunks(), session, writer, Log(file, writer, session), source_problems=Counter())


if __name__ == "__main__":
    main(*sys.argv[1:])
