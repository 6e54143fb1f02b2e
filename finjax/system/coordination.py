"""Connects this process to the others through JAX's coordination service, and ends all processes if one fails."""

import contextlib
import logging
import os
import socket
import sys
import threading
import time
from typing import Any

import jax

from finjax.errors import ConfigError
from finjax.system.process_place import LAUNCHERS, ProcessPlace

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 60  # until process 0 answers
SHUTDOWN_TIMEOUT_S = 30  # for the other processes, after one has failed
NO_TIMEOUT_MS = 7 * 24 * 3600 * 1000  # wait for a slow process; a process that fails tells the others
POLL_S = 0.3
FAILED = "finjax/failed"  # key under which a process stores why it failed


def connect(place: ProcessPlace) -> None:
    """Connects this process to the others.

    Raises:
        ConfigError: the other processes do not answer.
    """
    logger.info("waiting for %d processes", place.count)
    options: dict[str, Any] = {"cluster_detection_method": place.launcher}
    if place.coordinator:
        _check_coordinator(place)
        options = {
            "coordinator_address": place.coordinator,
            "num_processes": place.count,
            "process_id": place.index,
            "cluster_detection_method": "deactivate",
        }
    jax.config.update("jax_enable_preemption_service", False)  # it would catch SIGTERM
    try:
        jax.distributed.initialize(**options, shutdown_timeout_seconds=SHUTDOWN_TIMEOUT_S)
    except (ValueError, RuntimeError) as error:
        by = f" by {LAUNCHERS[place.launcher][2]}" if place.launcher else ""
        raise ConfigError(
            f"this is one of {place.count} processes started{by}, but JAX cannot connect them ({error}): "
            "give each process --coordinator=host:port, --num_processes and --process_id"
        ) from error


def _check_coordinator(place: ProcessPlace) -> None:
    """Raises `ConfigError` if process 0 cannot use its port, or does not answer; JAX itself would abort the process."""
    host, port_text = place.coordinator.rsplit(":", 1)
    host, port = host.strip("[]"), int(port_text)
    if place.index == 0:
        with socket.socket(socket.AF_INET6 if socket.has_ipv6 else socket.AF_INET) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind(("", port))
            except OSError as error:
                raise ConfigError(
                    f"--coordinator={place.coordinator}: port {port} cannot be used on this host ({error}). "
                    "Choose another port, the same for all processes"
                ) from error
        return
    until = time.monotonic() + CONNECT_TIMEOUT_S
    while True:
        try:
            socket.create_connection((host, port), timeout=5).close()
            return
        except OSError as error:
            if time.monotonic() > until:
                raise ConfigError(
                    f"--coordinator={place.coordinator}: no answer after {CONNECT_TIMEOUT_S} s ({error}). "
                    "Start process 0 on that host"
                ) from error
            time.sleep(POLL_S)


def client() -> Any:
    """Returns JAX's client of the coordination service."""
    from jax._src import distributed  # JAX has no public access to it

    return distributed.global_state.client


def is_first_failure(reason: str) -> bool:
    """Stores why this process failed; returns whether no other process failed before it."""
    try:
        client().key_value_set(FAILED, reason)  # a key can be set only once
        return True
    except Exception:
        return False


def exit_if_another_fails(ended: threading.Event) -> None:
    """Ends this process, even in the middle of a step, as soon as another one has failed; runs in a thread."""
    while not ended.wait(POLL_S):
        try:
            client().key_value_try_get(FAILED)
        except Exception:  # no such key
            continue
        disconnect_and_exit(1)


def disconnect() -> None:
    """Disconnects this process; waits until the others have disconnected too, and ignores their errors."""
    with contextlib.suppress(Exception):
        jax.distributed.shutdown()


def disconnect_and_exit(status: int) -> None:
    """Ends the process; the process that failed first waits for this."""
    disconnect()
    exit_now(status)


def exit_now(status: int) -> None:
    """Ends the process at once: its threads may hang in a step that never finishes."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
