"""What tests share: real data, a GPU, and one finished run of the whole program."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

# What one test or process of the session has compiled, another need not; set before jax is imported. Workers of one
# session share the folder; a developer may name one that stays from session to session.
if "PYTEST_XDIST_WORKER" not in os.environ and "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    _programs = tempfile.TemporaryDirectory(prefix="finjax_programs_", ignore_cleanup_errors=True)
    os.environ["JAX_COMPILATION_CACHE_DIR"] = _programs.name
# Read recordings are kept for the session, not in the user's own cache.
if "PYTEST_XDIST_WORKER" not in os.environ and "FINJAX_CACHE_DIR" not in os.environ:
    _recordings = tempfile.TemporaryDirectory(prefix="finjax_recordings_", ignore_cleanup_errors=True)
    os.environ["FINJAX_CACHE_DIR"] = _recordings.name
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.1"

import hypothesis
import jax
import pytest

from finjax.devices import parallel

ROOT = Path(__file__).parent.parent
REAL_DATA = {
    "FINJAX_3DC_DIR": "3DC recordings",
    "FINJAX_DB1_DIR": "Ninapro DB1's original files of exercise A",
}

# The same examples each time, few enough that they cost little.
hypothesis.settings.register_profile("finjax", derandomize=True, deadline=None, max_examples=40, database=None)
hypothesis.settings.load_profile("finjax")

parallel.tune_compiler()  # as main.py does
jax.config.update("jax_numpy_rank_promotion", "raise")  # what broadcasts must say so


def pytest_collection_modifyitems(items):
    """Skips what this machine cannot do, and says why."""
    has_gpu = any(device.platform == "gpu" for device in jax.devices())
    for item in items:
        for marker in item.iter_markers("real_data"):
            (variable,) = marker.args  # which of the datasets the test needs
            if not os.environ.get(variable):
                item.add_marker(pytest.mark.skip(reason=f"{variable} names no folder of {REAL_DATA[variable]}"))
        if "gpu" in item.keywords and not has_gpu:
            item.add_marker(pytest.mark.skip(reason="jax sees no GPU"))


def run_main(*arguments: str, check: bool = True, **popen) -> subprocess.CompletedProcess:
    """Runs main.py as a user would; returns the finished process with its output."""
    command = [sys.executable, str(ROOT / "main.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1200, **popen)
    assert not check or done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory) -> tuple[Path, str]:
    """The working directory and printed output of `main.py --config=configs/fin_ssi.py:test`."""
    workdir = tmp_path_factory.mktemp("runs") / "fin_ssi"
    done = run_main(f"--config={ROOT}/configs/fin_ssi.py:test", f"--workdir={workdir}")
    return workdir, done.stdout


@pytest.fixture(scope="session")
def small_decoder(tmp_path_factory) -> Path:
    """The run of a CNN on two features, tuned to synthetic subject 1 in seconds."""
    from finjax.configs import cnn
    from finjax.run import run

    folder = tmp_path_factory.mktemp("live")
    config = cnn.get_config("test")
    config.features, config.subject, config.step, config.log.tensorboard = "rms,wl", "1", "100ms", False
    run(config, workdir=folder)
    return folder / "subject_1"


@pytest.fixture
def no_home(monkeypatch):
    """A user without HOME and without a passwd entry, as in containers and cron."""

    def unknown(*user):
        raise KeyError("no such user")

    pwd = pytest.importorskip("pwd")
    for function in ("getpwuid", "getpwnam"):
        monkeypatch.setattr(pwd, function, unknown)
    for variable in ("HOME", "USERPROFILE", "FINJAX_CACHE_DIR"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def a_terminal(monkeypatch):
    """The environment of a terminal of 80 × 24 characters."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")
