"""The part of a study that one process does."""

import re
from collections.abc import Sequence

from finjax.errors import ConfigError


def parse_shard(text: str) -> tuple[int, int]:
    """Returns part and number of parts of `"3/40"`; of empty text 1 and 1.

    Raises:
        ConfigError: something else.
    """
    match = re.fullmatch(r"(\d+)/(\d+)", text or "1/1", re.ASCII)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise ConfigError(f"--shard={text}: give the part and the number of parts, from 1/40 to 40/40")
    return int(match[1]), int(match[2])


def of_shard(runs: Sequence, shard: tuple[int, int]) -> list:
    """Returns every n-th run: those of 40 subjects, which come one after the other, go to 40 parts evenly."""
    part, parts = shard
    return list(runs[part - 1 :: parts])
