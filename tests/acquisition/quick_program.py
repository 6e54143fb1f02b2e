"""`finjax record` with a source that is there at once: `quick_program.py SPEED [options] FOLDER`."""

import itertools
import sys
import time

import numpy as np
from scripted import RATE_HZ, Scripted

from finjax.acquisition import __main__, guided

CHUNK = 5


def source(*, speed=0.0, unit="uV"):
    """Noise of two channels; `speed` relative to real time, 0: as fast as it is taken."""

    def chunks():
        random, began = np.random.default_rng(0), time.monotonic()
        for number in itertools.count():
            if speed:
                time.sleep(max(0.0, began + number * CHUNK / RATE_HZ / speed - time.monotonic()))
            yield (50 * random.standard_normal((CHUNK, 2))).astype(np.float32)

    return Scripted(chunks(), unit=unit)


if __name__ == "__main__":
    guided.open_source = lambda *_, **__: source(speed=float(sys.argv[1]))
    sys.exit(__main__.main(["--source=lsl:quick", *sys.argv[2:]]))
