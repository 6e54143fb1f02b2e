"""Shards: the part of a study that one process does."""

import re
from collections.abc import Sequence
from typing import TypeVar

from finjax.errors import ConfigError

RunT = TypeVar("RunT")


def parse_shard(text: str) -> tuple[int, int]:
    """Returns the part and the number of parts, `(3, 40)` for `"3/40"` and `(1, 1)` for empty text.

    Raises:
        ConfigError: the text is anything else.
    """
    match = re.fullmatch(r"(\d+)/(\d+)", text or "1/1", re.ASCII)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise ConfigError(f"--shard={text}: give the part and the number of parts, such as 1/40 to 40/40")
    return int(match[1]), int(match[2])


def of_shard(runs: Sequence[RunT], shard: tuple[int, int]) -> list[RunT]:
    """Returns every n-th run, so that the runs of 40 subjects, which follow each other, go to 40 parts evenly."""
    part, parts = shard
    return list(runs[part - 1 :: parts])
