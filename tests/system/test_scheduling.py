"""Real-time scheduling, where the system permits it."""

import os
import subprocess
import sys
import threading

import pytest

from finjax.system import scheduling

pytestmark = pytest.mark.skipif(not hasattr(os, "sched_setscheduler"), reason="this system has no such scheduling")


def policies() -> set[int]:
    """Returns the policies of all threads of this process, without the flag."""
    threads = [int(name) for name in os.listdir(scheduling.THREADS)]
    return {os.sched_getscheduler(thread) & ~os.SCHED_RESET_ON_FORK for thread in threads}


@pytest.fixture
def waiting_thread():
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    yield
    end.set()
    thread.join()


def test_all_threads_get_real_time_priority_and_give_it_back(waiting_thread):
    with scheduling.real_time() as permitted:
        if not permitted:
            pytest.skip("this user may not use real-time priority")
        assert policies() == {os.SCHED_RR}
        child = [sys.executable, "-c", "import os; print(os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK)"]
        assert int(subprocess.check_output(child)) == os.SCHED_OTHER  # a process that it starts is an ordinary one
    assert policies() == {os.SCHED_OTHER}


def test_a_system_that_refuses_it_changes_nothing(monkeypatch):
    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    with scheduling.real_time() as permitted:
        assert not permitted
    assert policies() == {os.SCHED_OTHER}
