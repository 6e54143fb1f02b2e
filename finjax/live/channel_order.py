"""Compares the channels of a live stream with those of the decoder, by their names."""

import dataclasses
import logging
from collections.abc import Sequence

from finjax.sources.changed import Changed
from finjax.sources.source import Source

logger = logging.getLogger(__name__)


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
        columns = [given.index(name) for name in wanted]
        info = dataclasses.replace(source.info, channel_names=wanted)
        return Changed(source, lambda chunk: chunk[:, columns], info=info)
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
