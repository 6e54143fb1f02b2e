"""A synthetic person as a source: needs no device, and the signal changes with the movement."""

from finjax.data import synthetic
from finjax.errors import DataError, FinjaxError
from finjax.sources.replay import Replay
from finjax.sources.source import Needed

CHUNK = 40  # samples: 20 ms


def parse_subject(text: str, *, where: str) -> int:
    """Returns the number of the person, or raises `FinjaxError`; `where` is the whole text of the source."""
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 99_999):
        raise FinjaxError(f"{where}: give the number of a synthetic person, as synthetic:1")
    return int(text)


def open_person(text: str, *, where: str, needed: Needed, speed: float) -> Replay:
    """Returns a synthetic person whose recording is repeated without end.

    Args:
        text: number of the person.
        where: the whole text of the source, for messages.
        needed: what the source must have.
        speed: speed relative to real time; 0: as fast as the samples are taken.

    Raises:
        FinjaxError: the text is not a number.
        DataError: the channels or the rate are not those needed.
    """
    subject = parse_subject(text, where=where)
    if why := needed.misfit(len(synthetic.CHANNEL_NAMES), synthetic.RATE_HZ):
        raise DataError(f"{where}: the synthetic person {why}")
    return Replay(synthetic.generate(subject, synthetic.Settings()), chunk=CHUNK, speed=speed, loop=True)
