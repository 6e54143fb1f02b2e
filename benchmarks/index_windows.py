"""Time and memory of indexing all windows of 40 subjects of Ninapro DB2's size.

python -m benchmarks.index_windows [--subjects=40]

The signal is synthetic (one generated subject, the same for all: the index does not look at it), each subject
with an array of its own. Memory is the process's resident set, everything it holds counted.
"""

import argparse
import dataclasses
import time
from pathlib import Path

from finjax.data.synthetic import Settings, generate
from finjax.data.windows import Framing, index_windows, pack

DB2 = Settings(movement_s=5.0, rest_s=3.824)  # 17 × 6 × 8.824 s × 2 kHz: 1.8 million samples


def resident_gb() -> float:
    """Returns the memory this process holds now (Linux)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1e6
    raise RuntimeError("no VmRSS in /proc/self/status")


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--subjects", type=int, default=40)
    subjects = parser.parse_args().subjects
    first = generate(1, DB2)
    recordings = [dataclasses.replace(first, subject=n, signal=first.signal.copy()) for n in range(1, subjects + 1)]
    raw_gb = sum(recording.signal.nbytes for recording in recordings) / 1e9
    print(f"{subjects} subjects × {len(first.signal)} samples × 12 channels: {raw_gb:.2f} GB of float32")

    started = time.perf_counter()
    store = pack(recordings)
    packed = time.perf_counter()
    windows = index_windows(store.segments, Framing(length=600, step=20))
    indexed = time.perf_counter()
    held = resident_gb()
    print(f"pack: {packed - started:.2f} s   index: {indexed - packed:.2f} s   windows: {len(windows)}")
    print(f"resident: {held:.2f} GB, {held / raw_gb:.2f} × the raw signal (recordings, packed copy, index, libraries)")


if __name__ == "__main__":
    main()
