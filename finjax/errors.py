"""Errors that are the user's to mend: programs print their message alone, without a traceback."""

import argparse
import sys
import traceback


class FinjaxError(ValueError):
    """What was wrong, where, and what to do."""


class ConfigError(FinjaxError):
    """The configuration asks for something that does not exist or does not fit."""


class DataError(FinjaxError):
    """The data cannot be used; the message names the file or subject."""


class CheckpointError(FinjaxError):
    """A folder holds no usable checkpoint, or one of another model."""


class TrainingError(FinjaxError):
    """Training cannot go on."""


class LockError(FinjaxError):
    """Another process works in the same folder."""


class StorageError(FinjaxError):
    """The disk is full, or a folder cannot be written or read, or is gone."""


class DeviceError(FinjaxError):
    """JAX finds no device to compute on."""


def add_debug_option(parser: argparse.ArgumentParser) -> None:
    """Adds `--debug`, for `report`."""
    parser.add_argument("--debug", action="store_true", help="show where in the program an error came from")


def report(error: Exception, *, debug: bool, message: str = "") -> int:
    """Prints an error's message, or another one for it, with `debug` after its traceback; returns the exit status 1."""
    if debug:
        traceback.print_exception(error)
    print(f"error: {message or error}", file=sys.stderr)
    return 1
