"""`finjax live --web` in a process of its own, and the processes below it."""

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PATIENCE_S = 60.0  # on a busy machine


class Session:
    """A running `finjax live --web`.

    Attributes:
        url: the printed address.
        decisions: the file that every decision is written to.
    """

    def __init__(self, run: Path, folder: Path, *options: str):
        self.decisions = folder / "decisions.jsonl"
        command = [sys.executable, "-m", "finjax.commands.live", str(run), "--loop", "--web", "--port=0", "--quiet"]
        self.process = subprocess.Popen(
            [*command, f"--to-file={self.decisions}", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=folder,
        )
        line = self.process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)/\?token=(\S+)", line)
        assert found, self.process.stderr.read()
        self.url, self.port, self.token = found[0], int(found[1]), found[2]

    def server(self) -> int:
        """The process number of the web server, which starts when the address has been printed."""
        found = []
        until(
            lambda: (
                found.extend(pid for pid in children(self.process.pid) if b"spawn_main" in command_line(pid)) or found
            )
        )
        return found[0]

    def count(self) -> int:
        return len(self.read())

    def read(self) -> list[dict]:
        lines = self.decisions.read_text().split("\n")[:-1]
        return [json.loads(line) for line in lines]

    def stop(self) -> tuple[int, str, str]:
        """Asks it to stop; returns exit status, output and errors."""
        self.process.send_signal(signal.SIGTERM)
        out, errors = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, out, errors

    def get(self, path: str, **headers: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        connection.putrequest("GET", path, skip_host="Host" in headers)
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        return connection.getresponse()


def children(pid: int) -> list[int]:
    return [int(text) for text in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def descendants(pid: int) -> list[int]:
    """A process and all below it."""
    return [pid, *(found for child in children(pid) for found in descendants(child))]


def connections_at(port: int) -> int:
    """Connections that a server at a port of this machine has."""
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[1].endswith(f":{port:04X}") and row[3] == "01" for row in rows)  # 01: established


def resident_mib(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def command_line(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def until(condition: Callable[[], object]) -> None:
    """Waits until a condition holds."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "in vain"
        time.sleep(0.1)


@contextlib.contextmanager
def session(run: Path, folder: Path, *options: str) -> Iterator[Session]:
    started = Session(run, folder, *options)
    try:
        yield started
    finally:
        started.process.kill()
        started.process.communicate()


def open_page(tab, url: str) -> None:
    tab.goto(url)
    tab.wait_for_function("document.getElementById('clock')?.textContent.endsWith(' s')")


def launched_browser():
    """A fixture: the browser of a test module."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def copied_run(small_decoder, tmp_path_factory) -> Path:
    """A fixture: a copy of the decoder's run, which games write to."""
    return shutil.copytree(small_decoder, tmp_path_factory.mktemp("page") / "run")


def shared_session(run, tmp_path_factory) -> Iterator[Session]:
    """A fixture: a session for the tests that leave it as it was."""
    with session(run, tmp_path_factory.mktemp("shared")) as started:
        yield started
