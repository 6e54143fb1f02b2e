"""From a subject's file to the features of all windows, compared with the published code; and indexing 40 subjects.

python -m benchmarks.windows [--repeats=3] [--subjects=40]

The data are one generated subject of Ninapro DB2's size (1.8 million samples × 12 channels) in a file like Ninapro's.
The published way keeps the recording in a pandas table, copies every window out of it, and loops over windows and
channels in Python. Memory is the peak of a separate process, minus its memory after its imports.
"""

import argparse
import dataclasses
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.measure import Table, Timing, in_child, peak_gib, resident_gib
from finjax.configs import cnn
from finjax.data import ninapro
from finjax.data.recording import Recording
from finjax.data.synthetic import Settings, generate
from finjax.data.windows import Framing, index_windows, pack

DB2 = Settings(movement_s=5.0, rest_s=3.824)  # 17 × 6 × 8.824 s × 2 kHz: 1.8 million samples
LENGTH, STEP, SAMPLES_LIMIT = 600, 20, 15.0
FEATURES = ("rms", "var", "ssi", "ent")


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=3, help="runs of finjax; the published way is timed once")
    parser.add_argument("--subjects", type=int, default=40, help="number of subjects to index")
    parser.add_argument("--child", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(WAYS[options.child](options)))
        return

    table = Table(
        "windows",
        "A subject of DB2's size, from its file to four features of all windows × channels",
        ("way", "time", "times as fast", "peak GiB beyond imports", "share of memory"),
    )
    with tempfile.TemporaryDirectory() as folder:
        ninapro.write_mat(_as_db2(), Path(folder) / "S1_E1_A1.mat")
        published = in_child("benchmarks.windows", "--child=published", f"--folder={folder}")
        rows = {"published": [published], "first": [], "cached": []}
        for number in range(options.repeats):
            os.environ["FINJAX_CACHE_DIR"] = str(Path(folder) / f"cache{number}")
            for way in ("first", "cached"):
                rows[way].append(in_child("benchmarks.windows", "--child=finjax", f"--folder={folder}"))
    names = {
        "published": "published",
        "first": "finjax, the first time",
        "cached": "finjax, with the signal in its cache",
    }
    for way, runs in rows.items():
        assert np.allclose(runs[0]["means"], published["means"], rtol=1e-3), "the two ways must agree"
        timing = Timing(tuple(run["seconds"] for run in runs))
        memory = float(np.median([run["peak_gib"] for run in runs]))
        ratio = published["seconds"] / timing.median
        share = published["peak_gib"] / memory
        table.add(
            names[way], timing, f"{ratio:.0f}", f"{memory:.2f}", f"1/{share:.0f}",
            way=way, seconds=timing, ratio=ratio, peak_gib=memory, windows=runs[0]["windows"],
        )  # fmt: skip
    table.write()
    index = Table(
        "index",
        f"Indexing all windows of {options.subjects} subjects of DB2's size",
        ("windows", "packing the signals", "index", "resident, of the raw signal"),
    )
    found = in_child("benchmarks.windows", "--child=index", f"--subjects={options.subjects}")
    pack_s, index_s = Timing((found["pack_s"],)), Timing((found["index_s"],))
    index.add(found["windows"], pack_s, index_s, f"{found['share']:.2f}", **found)
    index.write()


def _as_db2() -> Recording:
    return dataclasses.replace(generate(1, DB2), dataset="ninapro_db2")


def published_way(options: argparse.Namespace) -> dict:
    """Computes features as the published code does: a pandas table, a copy of each window, a Python loop."""
    import pandas as pd
    import scipy.io

    before, started = peak_gib(), time.perf_counter()
    content = scipy.io.loadmat(Path(options.folder) / "S1_E1_A1.mat")
    frame = pd.DataFrame(content["emg"])
    frame["movement"], frame["repetition"] = content["restimulus"].ravel(), content["rerepetition"].ravel()
    frame = frame.loc[frame["movement"] > 0]
    channels = list(range(content["emg"].shape[1]))
    fitted = frame.loc[~frame["repetition"].isin((2, 5)), channels]
    frame[channels] = ((frame[channels] - fitted.mean()) / fitted.std(ddof=0)).clip(-SAMPLES_LIMIT, SAMPLES_LIMIT)
    windows = [
        rows.iloc[start : start + LENGTH][channels].to_numpy()
        for _, rows in frame.groupby(["movement", "repetition"])
        for start in range(0, len(rows) - LENGTH + 1, STEP)
    ]
    values = np.array(
        [[[feature(window[:, c]) for feature in PUBLISHED.values()] for c in channels] for window in windows]
    )
    return _measured(values, before, started)


def _entropy(x: np.ndarray) -> float:
    weights = np.exp(x - x.max())
    weights /= weights.sum()
    return -np.sum(weights * np.log(weights))


PUBLISHED: dict[str, Callable[[np.ndarray], float]] = {
    "rms": lambda x: np.sqrt(np.mean(x**2)),
    "var": np.var,
    "ssi": lambda x: np.sum(x**2),
    "ent": _entropy,
}


def finjax_way(options: argparse.Namespace) -> dict:
    """Computes features as the stages of finjax do."""
    from finjax.configs.parsing import parse
    from finjax.data.normalise import fit_signal_normaliser
    from finjax.tasks.task import Task

    config = cnn.get_config()
    config.data.name, config.data.dir = "ninapro_db2", options.folder
    config.step = str(STEP)
    before, started = peak_gib(), time.perf_counter()
    task = Task.load(parse(config), horizon=0)
    signal = fit_signal_normaliser(task.store, test_repetitions=task.split.test_repetitions, limit_sd=config.limit_sd)
    values = task.features(FEATURES, task.windows, signal)
    return _measured(values, before, started)


def _measured(values: np.ndarray, before: float, started: float) -> dict:
    return {
        "seconds": time.perf_counter() - started,
        "peak_gib": peak_gib() - before,
        "windows": len(values),
        "means": values.mean(axis=(0, 1)).tolist(),
    }


def index(options: argparse.Namespace) -> dict:
    """Packs and indexes many subjects, each with its own copy of the same signal."""
    first = generate(1, DB2)
    recordings = [
        dataclasses.replace(first, subject=n, signal=first.signal.copy()) for n in range(1, options.subjects + 1)
    ]
    started = time.perf_counter()
    store = pack(recordings)
    packed = time.perf_counter()
    windows = index_windows(store.segments, Framing(length=LENGTH, step=STEP))
    indexed = time.perf_counter()
    raw = sum(recording.signal.nbytes for recording in recordings) / 1024**3
    return {
        "pack_s": packed - started,
        "index_s": indexed - packed,
        "windows": len(windows),
        "share": resident_gib() / raw,
    }


WAYS = {"published": published_way, "finjax": finjax_way, "index": index}

if __name__ == "__main__":
    main()
