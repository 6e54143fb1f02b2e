"""Streams of the LabStreamingLayer for tests: real ones, in the same process."""

import os
import tempfile
import threading
import uuid
from pathlib import Path

import numpy as np
import pytest

pylsl = pytest.importorskip("pylsl", reason="pylsl is not installed: pip install -e '.[lsl]'")

# Streams of a session of its own, so that tests that run at the same time do not see each other's. The layer reads this
# when it is used first.
_folder = tempfile.TemporaryDirectory(prefix="finjax_lsl_", ignore_cleanup_errors=True)
os.environ["LSLAPICFG"] = str(Path(_folder.name) / "lsl_api.cfg")
Path(os.environ["LSLAPICFG"]).write_text(f"[lab]\nSessionID = {uuid.uuid4()}\n")


def outlet(name, *, channels=2, rate_hz=500.0, kind="EMG", channel_format="float32", labels=(), unit=""):
    """A stream that others can find; it ends when nothing refers to it any more."""
    info = pylsl.StreamInfo(name, kind, channels, rate_hz, channel_format, f"{name} of the tests")
    described = info.desc().append_child("channels")
    for label in labels:
        channel = described.append_child("channel")
        channel.append_child_value("label", label)
        channel.append_child_value("unit", unit)
    return pylsl.StreamOutlet(info)


class Sender:
    """A stream that sends the numbers from 0 on, the same in all channels, in chunks, from a thread until `close`.

    Args:
        name: name of the stream.
        times: how many times too fast it sends.
    """

    CHUNK_S = 0.02

    def __init__(self, name, *, channels=2, rate_hz=500.0, times=1.0):
        self._outlet, self._channels = outlet(name, channels=channels, rate_hz=rate_hz), channels
        self._chunk = round(self.CHUNK_S * rate_hz * times)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._send, daemon=True)
        self._thread.start()

    def _send(self):
        sent = 0
        while not self._ended.wait(self.CHUNK_S):
            if not self._outlet.have_consumers():
                continue
            numbers = np.arange(sent, sent + self._chunk, dtype=np.float32)
            self._outlet.push_chunk(np.repeat(numbers[:, None], self._channels, axis=1).tolist())
            sent += self._chunk

    def close(self):
        self._ended.set()
        self._thread.join()
        self._outlet = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
