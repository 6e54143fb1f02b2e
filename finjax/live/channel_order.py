"""Compares the channels of a live stream with those of the decoder, by their names."""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from finjax.sources.source import Source, StreamInfo

logger = logging.getLogger(__name__)


class Reordered:
    """A source whose columns are put into another order.

    Args:
        source: the source.
        names: its channels, in the order that is wanted.
    """

    def __init__(self, source: Source, names: Sequence[str]):
        info = source.info
        self._source = source
        self._columns = [info.channel_names.index(name) for name in names]
        self.info = StreamInfo(name=info.name, rate_hz=info.rate_hz, channel_names=tuple(names), unit=info.unit)
        self.problems: Counter[str] = source.problems

    def __iter__(self) -> Iterator[np.ndarray]:
        """See `Source`."""
        for chunk in self._source:
            yield chunk[:, self._columns]

    def close(self) -> None:
        """See `Source`."""
        self._source.close()


def in_order_of(source: Source, names: Sequence[str]) -> Source:
    """Returns a source with the channels in the order of the decoder, if they have the same names.

    With other names it stays as it is, with a warning: devices name the same electrodes in different ways. Numbers are
    not names.

    Args:
        source: the source.
        names: channels of the decoder.
    """
    given, wanted = tuple(source.info.channel_names), tuple(names)
    if given == wanted:
        return source
    if sorted(given) == sorted(wanted) and len(set(given)) == len(given):
        logger.info("The channels of %s are put into the order of the decoder: %s", source.info.name, ", ".join(wanted))
        return Reordered(source, wanted)
    if _are_names(given) and _are_names(wanted):
        logger.warning(
            "The channels of %s are named %s, those of the decoder %s. They are taken in this order: check that each "
            "electrode is where the decoder expects it.",
            source.info.name,
            ", ".join(given),
            ", ".join(wanted),
        )
    return source


def _are_names(names: Sequence[str]) -> bool:
    return not all(name.strip().isdecimal() for name in names)
