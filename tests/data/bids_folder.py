"""Small BIDS folders of EMG for tests; the data files are written by edfio."""

import csv
import json

import edfio
import numpy as np

MOVEMENTS = ("fist", "open", "rest")
RATE_HZ = 1000.0
HOLD_S, PAUSE_S = 1.0, 0.5
CHANNELS = ("flexor", "extensor", "thumb")


def trials(*, movements=MOVEMENTS, repetitions=range(1, 5)):
    """Rows of events.tsv: each repetition of each movement, with pauses."""
    names = [(name, repetition) for repetition in repetitions for name in movements]
    return [
        {
            "onset": f"{PAUSE_S + place * (HOLD_S + PAUSE_S):g}",
            "duration": f"{HOLD_S:g}",
            "trial_type": name,
            "repetition": str(repetition),
            "status": "good",
        }
        for place, (name, repetition) in enumerate(names)
    ]


def emg(rows, *, seed=0, rate_hz=RATE_HZ, channels=3, names=MOVEMENTS):
    """Noise `[N, C]` in uV, whose strength on a channel says which movement is held."""
    rng = np.random.default_rng(seed)
    seconds = max((float(row["onset"]) + float(row["duration"] or 0) for row in rows), default=1.0) + PAUSE_S
    seconds = np.ceil(seconds)
    level = np.full((round(seconds * rate_hz), channels), 5.0)
    for row in rows:
        if row["trial_type"] in names and row["duration"]:
            start = round(float(row["onset"]) * rate_hz)
            stop = start + round(float(row["duration"]) * rate_hz)
            level[start:stop, names.index(row["trial_type"]) % channels] = 60.0
    return level * rng.normal(size=level.shape)


def write_run(
    root,
    *,
    subject="01",
    session="",
    run=1,
    rows=None,
    signal=None,
    rate_hz=RATE_HZ,
    channels=CHANNELS,
    unit="uV",
    kind="bdf",
    annotations=None,
    table=None,
    events=True,
    described=True,
):
    """Writes one run with its tables; returns the path of the data file."""
    rows = trials() if rows is None else rows
    signal = emg(rows, channels=len(channels), rate_hz=rate_hz) if signal is None else signal
    begin = f"sub-{subject}_" + (f"ses-{session}_" if session else "") + f"task-movements_run-{run:02d}"
    folder = root / f"sub-{subject}" / (f"ses-{session}" if session else "") / "emg"
    folder.mkdir(parents=True, exist_ok=True)
    (root / "dataset_description.json").write_text(json.dumps({"Name": "test", "BIDSVersion": "1.11.0"}))
    largest = {"V": 1e-2, "mV": 10.0}.get(unit, 10_000.0)
    signals = [
        (edfio.BdfSignal if kind == "bdf" else edfio.EdfSignal)(
            signal[:, place], rate_hz, label=name, physical_dimension=unit, physical_range=(-largest, largest)
        )
        for place, name in enumerate(channels)
    ]
    file = (edfio.Bdf if kind == "bdf" else edfio.Edf)(
        signals, data_record_duration=1.0, annotations=[edfio.EdfAnnotation(*one) for one in annotations or ()]
    )
    path = folder / f"{begin}_emg.{kind}"
    file.write(path)
    if described:
        table = table or [{"name": name, "type": "EMG", "units": unit, "status": "good"} for name in channels]
        write_table(folder / f"{begin}_channels.tsv", table)
        (folder / f"{begin}_emg.json").write_text(json.dumps({"SamplingFrequency": rate_hz}))
    if events:
        write_table(folder / f"{begin}_events.tsv", rows)
    return path


def write_table(path, rows):
    """Writes a table of tab-separated text."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys() if rows else ("onset", "duration", "trial_type"), delimiter="\t")
        writer.writeheader()
        writer.writerows(rows)


def sidecar(path, ending):
    """The path of a table beside a data file."""
    return path.with_name(path.name.rsplit("_", 1)[0] + f"_{ending}")
