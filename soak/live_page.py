"""Decodes an LSL stream in real time with the live page open in a Chromium, which is stopped half of the time.

python -m soak.live_page [RUN] --minutes=10

A recording of the decoder's person is sent as an LSL stream by a process of its own. `finjax live` decodes it every
20 ms and serves the page. The soak fails if a decision is missed or late, or if a process grows by more than `--most`
MiB after its first minute. It needs the extras `lsl` and `web`, Playwright, and a Chromium. RUN is the folder of a
decoder; by default that of the synthetic person of `finjax live`.
"""

import argparse
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from finjax.live.demo import demo_decoder
from soak.report import ROOT, record

# Sends the recording that `finjax live RUN` would replay, again and again, as an LSL stream at its own pace.
SENDER = """
import sys, time
import numpy as np, pylsl
from finjax.live.decoder import LiveDecoder
from finjax.live.options import parser
from finjax.live.replayed import recording_of
from finjax.system.scheduling import real_time
options = parser("soak", description="").parse_args([sys.argv[1]])
recording = recording_of(options, LiveDecoder(sys.argv[1]))
outlet = pylsl.StreamOutlet(
    pylsl.StreamInfo(sys.argv[2], "EMG", recording.signal.shape[1], recording.rate_hz, "float32", sys.argv[2])
)
print("ready", flush=True)
chunk, sent, started = round(recording.rate_hz / 100), 0, time.perf_counter()
with real_time():  # as an amplifier, which no browser delays
    while True:
        place = np.arange(sent, sent + chunk) % len(recording.signal)
        sent += chunk
        time.sleep(max(0.0, started + sent / recording.rate_hz - time.perf_counter()))
        outlet.push_chunk(np.ascontiguousarray(recording.signal[place]))
"""
SAMPLE_S = 5.0  # between measurements of the memory
WARM_UP_S = 60.0
STOPPED_S = 30.0  # the browser runs and rests in turn


def main() -> None:
    """Runs the session and records the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", nargs="?", help="folder of a decoder; default: that of a synthetic person")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--most", type=float, default=16.0, help="MiB that a process may grow by")
    options = parser.parse_args()
    run, stream = options.run or str(demo_decoder()), f"soak_{time.time_ns()}"
    sender = subprocess.Popen(
        [sys.executable, "-c", SENDER, run, stream], cwd=ROOT, stdout=subprocess.PIPE, encoding="utf-8"
    )
    try:
        _wait_for(sender, "ready")
        figures, text = _session(run, stream, seconds=60 * options.minutes)
    finally:
        sender.kill()
    print(text)
    record("live_page", figures)
    grown = {name: round(mib[-2] - mib[0], 1) for name, mib in figures["mib"].items() if len(mib) > 2}
    if figures["late"] or figures["missing"] > 2 or max(grown.values(), default=0.0) > options.most:
        sys.exit(f"{figures['late']} late, {figures['missing']} missing; MiB grown: {grown}")


def _session(run: str, stream: str, *, seconds: float) -> tuple[dict, str]:
    """Decodes the stream with the page open; returns the figures, and the summary that finjax prints."""
    from playwright.sync_api import sync_playwright

    command = [
        sys.executable, "-m", "finjax", "live", run, f"--source=lsl:{stream}", "--web", "--port=0", "--quiet",
        f"--seconds={seconds:g}",
    ]  # fmt: skip
    session = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, encoding="utf-8")
    address = _wait_for(session, r"http://\S+")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    memory: dict[str, list[float]] = {"decoder": [], "page": []}
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1300, "height": 800})
        page.goto(address)
        began, stopped = time.monotonic(), False
        while session.poll() is None:
            time.sleep(SAMPLE_S)
            elapsed = time.monotonic() - began
            stop = int(elapsed / STOPPED_S) % 2 == 1
            if stop != stopped:
                for renderer in _renderers():
                    os.kill(renderer, signal.SIGSTOP if stop else signal.SIGCONT)
                stopped = stop
            if elapsed > WARM_UP_S:
                memory["decoder"].append(_resident_mib(session.pid))
                memory["page"].append(max(map(_resident_mib, _children(session.pid)), default=0.0))
        for renderer in _renderers():
            os.kill(renderer, signal.SIGCONT)
        browser.close()
    assert session.stdout is not None
    text = session.stdout.read()
    decisions, late = (int(number) for number in re.findall(r"(\d+) (?:decisions|missed)", text)[:2])
    percentiles = re.findall(r"p(\d+) ([\d.]+)", text)
    expected = round((seconds - 0.3) / 0.02)
    return {
        "run": run,
        "seconds": seconds,
        "decisions": decisions,
        "missing": max(0, expected - decisions),
        "late": late,
        "latency_ms": {f"p{share}": float(value) for share, value in percentiles},
        "mib": memory,
    }, text


def _wait_for(process: subprocess.Popen, pattern: str) -> str:
    """Returns the first text of a process's output that matches."""
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.search(pattern, line):
            return found[0]
    raise RuntimeError(f"the process ended without {pattern}")


def _renderers() -> list[int]:
    """Returns the processes that draw the pages of the Chromium that this program has started."""
    found, waiting = [], [os.getpid()]
    while waiting:
        waiting += (below := list(_children(waiting.pop())))
        found += [pid for pid in below if b"--type=renderer" in _command_line(pid)]
    return found


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # it has ended
        return b""


def _children(pid: int) -> Iterator[int]:
    """Yields the processes that a process has started."""
    with contextlib.suppress(OSError):  # it has ended
        for thread in Path(f"/proc/{pid}/task").iterdir():
            yield from map(int, (thread / "children").read_text(encoding="utf-8").split())


def _resident_mib(pid: int) -> float:
    """Returns the resident memory of a process; 0 if it has ended."""
    try:
        fields = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0.0
    return round(sum(int(line.split()[1]) for line in fields if line.startswith("VmRSS")) / 1024, 1)


if __name__ == "__main__":
    main()
