"""Signals that ask to stop, ignored signals, and signals that others handle."""

import importlib.util
import os
import signal

import pytest

from finjax.system import interrupts
from finjax.system.interrupts import Interrupted, held_back, raised_at_once

STOP_SIGNALS = [signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGXCPU]


@pytest.fixture(autouse=True)
def handlers_stay():
    """Starts with the default handlers, under `nohup` too, and checks that a test restores them."""
    usual = dict.fromkeys(interrupts.EXIT_STATUS, signal.SIG_DFL) | {signal.SIGINT: signal.default_int_handler}
    before = {signum: signal.signal(signum, handler) for signum, handler in usual.items()}
    yield
    found = {signum: signal.signal(signum, handler) for signum, handler in before.items()}
    assert found == usual


@pytest.mark.parametrize("signum", [signal.SIGTERM, *STOP_SIGNALS])
def test_a_signal_asks_to_stop(signum):
    with pytest.raises(Interrupted) as caught, raised_at_once():
        os.kill(os.getpid(), signum)
        pytest.fail("not raised")
    assert caught.value.exit_status == 75
    assert str(caught.value) == f"stopped by {signum.name}. Run the same command again to resume."


def test_training_in_a_script_handles_sigterm_and_leaves_other_signals_alone():
    with pytest.raises(Interrupted), held_back() as request:
        assert all(signal.getsignal(signum) is signal.SIG_DFL for signum in STOP_SIGNALS)
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGTERM)
        assert request.signum == signal.SIGTERM


@pytest.mark.parametrize("signum", STOP_SIGNALS)
def test_held_back_within_raised_at_once(signum):
    done = False
    with pytest.raises(Interrupted), raised_at_once():
        with held_back() as request:
            os.kill(os.getpid(), signum)
            done = request.signum == signum
        pytest.fail("not raised")
    assert done


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, *STOP_SIGNALS])
def test_an_ignored_signal_stays_ignored(signum):
    before = signal.signal(signum, signal.SIG_IGN)  # as nohup does with SIGHUP, and a shell's & with SIGINT
    with raised_at_once(), held_back() as request:
        os.kill(os.getpid(), signum)
    assert request.signum is None
    assert signal.getsignal(signum) is signal.SIG_IGN
    signal.signal(signum, before)


@pytest.mark.parametrize("signum", STOP_SIGNALS)
def test_a_signal_that_others_handle_is_left_to_them(signum):
    received = []
    before = signal.signal(signum, lambda number, frame: received.append(number))
    with raised_at_once(), held_back() as request:
        os.kill(os.getpid(), signum)
    signal.signal(signum, before)
    assert received == [signum] and request.signum is None


def test_a_handler_that_python_did_not_install_is_left_alone(monkeypatch):
    real = signal.getsignal
    monkeypatch.setattr(signal, "getsignal", lambda signum: None if signum == signal.SIGUSR1 else real(signum))
    with raised_at_once():
        assert real(signal.SIGUSR1) is signal.SIG_DFL


def test_a_system_without_these_signals(monkeypatch):
    for signum in STOP_SIGNALS:
        monkeypatch.delattr(signal, signum.name)
    monkeypatch.setattr(signal, "SIGBREAK", signal.SIGCONT, raising=False)
    spec = importlib.util.spec_from_file_location("interrupts_elsewhere", interrupts.__file__)
    elsewhere = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(elsewhere)
    assert elsewhere.EXIT_STATUS == {signal.SIGINT: 130, signal.SIGTERM: 75, signal.SIGBREAK: 75}
    with pytest.raises(elsewhere.Interrupted), elsewhere.raised_at_once():
        os.kill(os.getpid(), signal.SIGBREAK)
