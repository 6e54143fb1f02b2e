"""Errors that are the user's to mend: `main.py` prints their message alone, without a traceback."""


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
