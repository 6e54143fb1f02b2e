"""Damaged checkpoints, errors of the machine, checkpoints of other devices, and messages of orbax."""

import base64
import errno
import json
import logging
import os
import types

import jax
import numpy as np
import orbax.checkpoint as ocp
import pytest
from absl import logging as absl_logging
from test_checkpoints import INFO, NORMALISERS, OPTIMISER, PARAMS, STATS

import finjax
from finjax.errors import CheckpointError, StorageError
from finjax.training import checkpoint_items
from finjax.training.checkpoints import Checkpoints, has_checkpoint, read_model
from finjax.training.optimiser import Group, Optimiser
from finjax.training.step import create_state

STATE = create_state(PARAMS, STATS, OPTIMISER)


@pytest.fixture
def workdir(tmp_path):
    """A run with checkpoints of steps 1 and 2."""
    with Checkpoints(tmp_path) as checkpoints:
        for step in (1, 2):
            state = STATE.replace(step=np.int32(step))
            checkpoints.save(state, normalisers=NORMALISERS, info=INFO, progress={"step": step}, loss=1.0)
    return tmp_path


def steps(workdir) -> list[str]:
    return sorted(path.name for path in (workdir / "checkpoints").iterdir())


def assert_unreadable(workdir, message):
    """Asserts that using and resuming report an error of the machine, not a damaged checkpoint."""
    with pytest.raises(StorageError, match=f"2 cannot be read now: .*{message}.*stays as it is"):
        read_model(workdir)
    with Checkpoints(workdir) as checkpoints, pytest.raises(StorageError, match=message):
        checkpoints.restore_newest(STATE)


def assert_intact(workdir):
    assert steps(workdir) == ["1", "2"] and not (workdir / "damaged").exists()
    assert read_model(workdir).step == 2


TENSORSTORE = "NOT_FOUND: Error reading \"a\": Stale file handle [os_error_code='116'] [source='x']"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(errno.EIO, "no", "a"), r"\(a\): check the disk"),
        (OSError(errno.ESTALE, "no"), "mount the network drive again"),
        (OSError(errno.ENOMEM, "no"), "free some memory"),
        (OSError(errno.EMFILE, "no"), "ulimit -n"),
        (OSError(errno.ETIMEDOUT, "no"), os.strerror(errno.ETIMEDOUT)),
        (MemoryError(), "free some memory"),
        (ValueError(TENSORSTORE), "mount the network drive again"),
        (jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: out of memory"), "out of memory: check the device"),
        (ExceptionGroup("several", [ValueError("x"), OSError(errno.EIO, "no")]), "check the disk"),
    ],
    ids=repr,
)
def test_an_error_of_the_machine_is_not_damage(workdir, monkeypatch, error, message):
    def refuse(*args, **kwargs):
        raise RuntimeError("orbax's own words") from error

    with monkeypatch.context() as patch:
        patch.setattr(ocp.Checkpointer, "restore", refuse)
        assert_unreadable(workdir, message)
    assert_intact(workdir)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid(), reason="only root can become another user")
@pytest.mark.parametrize("place", ["variables/params.bias/0", "variables", "model/metadata", "."])
def test_a_missing_permission_is_not_damage(workdir, place):
    pytest.importorskip("grp")  # import it as root: orbax does so later, as a user who may not read root's Python
    opened = [parent for parent in workdir.parents if len(parent.parts) > 2]
    modes = [parent.stat().st_mode for parent in opened]
    path = workdir / "checkpoints/2" / place
    mode = path.stat().st_mode
    try:
        for parent in opened:
            parent.chmod(0o711)
        for folder in (workdir, workdir / "checkpoints"):
            folder.chmod(0o777)
        path.chmod(0)
        os.seteuid(65534)
        assert_unreadable(workdir, "Permission denied.*make it readable")
    finally:
        os.seteuid(0)
        path.chmod(mode)
        for parent, earlier in zip(opened, modes, strict=True):
            parent.chmod(earlier)
    assert_intact(workdir)


def test_a_folder_that_the_user_may_not_list_gives_one_message(workdir, monkeypatch):
    def refuse(path):
        raise PermissionError(errno.EACCES, "no", str(path))

    with monkeypatch.context() as patch:
        for function in ("iterdir", "is_dir", "is_file"):  # before Python 3.14, the last two raise it too
            patch.setattr(type(workdir), function, refuse)
        for use in (read_model, has_checkpoint, finjax.load):
            with pytest.raises(StorageError, match="cannot be read now: .*make it readable"):
                use(workdir)
    assert_intact(workdir)


def test_metrics_that_cannot_be_read_are_kept(workdir, monkeypatch):
    read_text = type(workdir).read_text

    def refuse(path, *args, **kwargs):
        if path.name == "metrics":
            raise OSError(errno.EIO, "no")
        return read_text(path, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(type(workdir), "read_text", refuse)
        with pytest.raises(StorageError, match="check the disk"):
            Checkpoints(workdir)
        with pytest.raises(StorageError, match="check the disk"):
            read_model(workdir, step="best")
    assert json.loads((workdir / "checkpoints/2/metrics/metrics").read_text())["loss"] == 1.0


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (create_state({**PARAMS, "bias": np.ones(5, np.float32)}, STATS, OPTIMISER), r"float32\[4\].*float32\[5\]"),
        (
            create_state(PARAMS, {}, OPTIMISER),
            r"stats/norm/mean is float32\[3\] in the checkpoint and no such array in",
        ),
        (
            create_state(PARAMS, STATS, Optimiser(groups=(Group(learning_rate=0.1, frozen=True),))),
            r"opt_state .*/count is int32\[\] in the checkpoint and no such array in this training",
        ),
    ],
)
def test_a_checkpoint_of_another_model_or_optimiser_is_not_damaged(workdir, template, message):
    with Checkpoints(workdir) as checkpoints, pytest.raises(CheckpointError, match=message.replace("/", ".")):
        checkpoints.restore_newest(template)
    assert_intact(workdir)


def test_a_checkpoint_does_not_depend_on_the_devices_that_saved_it(tmp_path):
    """Orbax stores the devices of JAX arrays and needs them to restore; finjax gives it NumPy arrays."""
    with Checkpoints(tmp_path) as checkpoints:
        on_device = jax.tree.map(jax.device_put, STATE)
        checkpoints.save(on_device, normalisers=NORMALISERS, info=INFO, progress={"step": 0}, loss=1.0)
    checkpoint = tmp_path / "checkpoints/0"
    assert not list(checkpoint.rglob("*sharding*"))
    missing_device = json.dumps({"sharding_type": "SingleDeviceSharding", "device_str": "cuda:3"})
    for item in ("variables", "opt_state", "normalisers"):  # as if orbax had stored the devices
        folder = checkpoint / item
        assert "jax.Array" not in (folder / "_METADATA").read_text()
        names = [path.name for path in folder.iterdir() if path.is_dir()]
        devices = {base64.b64encode(name.encode()).decode(): missing_device for name in names}
        (folder / "_sharding").write_text(json.dumps(devices))
    np.testing.assert_array_equal(read_model(tmp_path).params["bias"], PARAMS["bias"])
    with Checkpoints(tmp_path) as checkpoints:
        state, _ = checkpoints.restore_newest(STATE)
    assert jax.tree.structure(state.opt_state) == jax.tree.structure(STATE.opt_state)


def test_saving_logs_nothing(tmp_path, caplog):
    before = absl_logging.get_verbosity()  # a program of finjax may have lowered it
    absl_logging.set_verbosity(absl_logging.WARNING)
    with caplog.at_level(logging.WARNING, "absl"), Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(STATE, normalisers=NORMALISERS, info=INFO, progress={"step": 0}, loss=1.0)
    assert caplog.records == []
    logging.getLogger("absl").warning("another warning")
    assert "another warning" in caplog.text
    absl_logging.set_verbosity(before)


def test_only_the_errors_of_closed_event_loops_are_hidden():
    shown = []
    hook = checkpoint_items._without_closed_loops(shown.append)
    closed = types.SimpleNamespace(exc_value=RuntimeError("Event loop is closed"), object=None)
    of_a_user = types.SimpleNamespace(exc_value=RuntimeError("Event loop is closed"), object=print)
    other = types.SimpleNamespace(exc_value=RuntimeError("x"), object=None)
    for unraisable in (closed, of_a_user, other):
        hook(unraisable)
    assert shown == [of_a_user, other]
