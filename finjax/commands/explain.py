"""Explains errors of the command line in one message."""

import re
from collections.abc import Sequence

from absl import flags

from finjax.errors import FinjaxError

_WANTED = {
    "invalid literal for int()": "give a whole number, such as 3",
    "could not convert string to float": "give a number, such as 0.5",
    "Non-boolean argument": "give True or False",
    "as a ConfigDict": "this is a group of fields: set one of its fields",
}


def explain(error: Exception, argv: Sequence[str]) -> str:
    """Returns the message for a command line that cannot be parsed.

    Args:
        error: the error that the parser, or the configuration's file, raised.
        argv: the command line.
    """
    config = config_in(argv)
    if isinstance(error, flags.Error) and not config:
        return "give the configuration to run, such as --config=fin_ssi. --help lists the options"
    cause = _first_cause(error)
    if isinstance(cause, FinjaxError):  # raised by the configuration's file, such as an unknown preset
        return f"--config={config}: {cause}"
    if isinstance(error, AttributeError | KeyError) and _raised_by_ml_collections(cause):
        # ml_collections quotes its own message, with its line breaks.
        detail = str(error).replace("\\n", ". ").replace("\\", "").strip("\"'")
        return f"no such field in the configuration: {detail}"
    if isinstance(error, flags.IllegalFlagValueError) and (match := re.match(r"flag (--[^=]+=.*?): ", str(error))):
        if match[1].startswith("--config="):
            return f"--config={config} cannot be read: {type(cause).__name__}: {cause}"
        for said, wanted in _WANTED.items():
            if said in str(error):
                return f"{match[1]}: {wanted}"
        return str(error).removeprefix("flag ")
    if isinstance(error, flags.Error):
        return f"{str(error).rstrip('.')}. --help lists the options"
    return f"--config={config} cannot be read: {type(error).__name__}: {error}"


def config_in(argv: Sequence[str]) -> str:
    """Returns the value of `--config`; empty if it is not given."""
    for text, following in zip(argv, [*argv, ""][1:], strict=True):
        if match := re.fullmatch(r"--?config(=.*)?", text, re.DOTALL):
            return following if match[1] is None else match[1].removeprefix("=")
    return ""


def _raised_by_ml_collections(error: BaseException) -> bool:
    """Returns whether ml_collections raised an error (a field does not exist), and not the configuration's file."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is None or "ml_collections" in trace.tb_frame.f_code.co_filename


def _first_cause(error: BaseException) -> BaseException:
    """Returns the error that was raised first: ml_collections and absl raise new ones with a traceback as text."""
    while (before := error.__cause__ or error.__context__) is not None:
        error = before
    return error
