"""The processes of a live session with the page: a browser that is stopped, a server that is killed, signals."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from live_sessions import (
    CHROMIUM,
    connections_at,
    copied_run,
    descendants,
    launched_browser,
    open_page,
    resident_mib,
    session,
    shared_session,
    until,
)

pytest.importorskip("nicegui", reason="NiceGUI is not installed: pip install -e '.[web]'")
pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the path"),
    pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for child processes in /proc"),
]

browser = pytest.fixture(scope="module")(launched_browser)
run = pytest.fixture(scope="module")(copied_run)
shared = pytest.fixture(scope="module")(shared_session)


def test_a_browser_that_is_stopped_does_not_delay_the_decisions(shared):
    """Stops the whole browser as a laptop's lid or a debugger would: it neither reads nor closes its connections."""
    assert shared.get(f"/?token={shared.token}").status == 200  # the server is there, with all that it imports
    command = [
        CHROMIUM,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={shared.decisions.parent}/profile",
    ]
    started = subprocess.Popen([*command, shared.url], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: connections_at(shared.port) >= 2)  # the two web sockets of the page
        time.sleep(2.0)
        for pid in descendants(started.pid):
            os.kill(pid, signal.SIGSTOP)
        count, server = shared.count(), shared.server()
        memory = resident_mib(server)
        until(lambda: shared.count() > count + 500)
        assert resident_mib(server) < memory + 10  # nothing piles up for it
    finally:
        for pid in descendants(started.pid):
            os.kill(pid, signal.SIGKILL)
        started.wait()


def test_decoding_outlives_the_server(browser, run, tmp_path):
    with session(run, tmp_path) as own:
        tab = browser.new_page()
        open_page(tab, own.url)
        os.kill(own.server(), signal.SIGKILL)
        tab.wait_for_selector("#badge:text('no connection to finjax')")
        count = own.count()
        until(lambda: own.count() > count + 100)
        status, out, errors = own.stop()
    assert status == 0
    assert "times that the server of the live page ended: 1" in out
    assert errors.count("The live page has ended (its server has ended with status -9). Decoding continues") == 1


@pytest.mark.parametrize("everyone", [False, True])
def test_a_signal_ends_both_processes_although_a_tab_is_open(browser, run, tmp_path, everyone):
    with session(run, tmp_path) as own:
        tab = browser.new_page()
        open_page(tab, own.url)
        server = own.server()
        if everyone:  # as Ctrl-C in a terminal, or a batch system
            os.kill(server, signal.SIGINT)
            os.kill(server, signal.SIGTERM)
        status, out, errors = own.stop()
        assert status == 0
        assert "decisions" in out and "server of the live page" not in out
        assert not Path(f"/proc/{server}").exists()
        assert errors == ""


def test_a_server_whose_parent_was_killed_ends(run, tmp_path):
    with session(run, tmp_path) as own:
        until(lambda: own.get(f"/?token={own.token}").status == 200)
        server = own.server()
        own.process.kill()
        own.process.wait()
        until(lambda: not Path(f"/proc/{server}").exists())
