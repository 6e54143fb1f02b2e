"""What other subpackages add to the live program."""

import argparse
import dataclasses
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from finjax.live.decoder import LiveDecoder
from finjax.live.loop import Operator
from finjax.live.summary import Summary
from finjax.sources.source import StreamInfo


@dataclasses.dataclass(frozen=True, kw_only=True)
class LiveSession:
    """A session before its first sample.

    Attributes:
        run: folder of the decoder's run.
        decoder: the decoder.
        stream: what is known of the stream.
        summary: counts the decisions.
        problems: returns what was lost or wrong so far, and how often.
    """

    run: Path
    decoder: LiveDecoder
    stream: StreamInfo
    summary: Summary
    problems: Callable[[], Counter[str]]


class Addition(Protocol):
    """Adds options to the program, and an operator to its session."""

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Adds the options."""

    def check(self, options: argparse.Namespace) -> None:
        """Raises `FinjaxError` if an option is out of range, before the model is loaded."""

    def open(self, options: argparse.Namespace, session: LiveSession) -> Operator | None:
        """Returns the operator of a session; None if the options ask for none."""
        ...
