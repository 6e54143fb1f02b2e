"""Errors that the user can correct: programs print only the message, without a traceback."""

import argparse
import sys
import traceback
from collections.abc import Callable, Sequence

Naming = Callable[[str], str]  # from the name of a configuration's field to the option that sets it, for messages


class FinjaxError(ValueError):
    """The message says what is wrong, where, and what to do."""


class ConfigError(FinjaxError):
    """The configuration asks for something that does not exist or does not fit."""


class DataError(FinjaxError):
    """The data cannot be used; the message names the file or subject."""


class CheckpointError(FinjaxError):
    """A folder has no usable checkpoint, or the checkpoint of another model."""


class TrainingError(FinjaxError):
    """Training cannot continue."""


class LockError(FinjaxError):
    """Another process uses the same folder."""


class StorageError(FinjaxError):
    """The disk is full, or a folder is missing or cannot be written or read."""


class DeviceError(FinjaxError):
    """JAX finds no device to compute on."""


def option_of(field: str) -> str:
    """Returns the option that sets a field of a run's configuration."""
    return f"--config.{field}"


def listed(names: Sequence[str], *, most: int) -> str:
    """Returns names for a message: the first of them, and how many more there are."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def add_debug_option(parser: argparse.ArgumentParser) -> None:
    """Adds the option `--debug`, which `print_error` takes."""
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")


def print_error(error: Exception, *, debug: bool, message: str = "") -> int:
    """Prints an error's message, or `message` instead; with `debug`, the traceback first. Returns the exit status 1."""
    if debug:
        traceback.print_exception(error)
    print(f"error: {message or error}", file=sys.stderr)
    return 1
