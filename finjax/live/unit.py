"""The unit of a live stream, and that of the decoder."""

import dataclasses

import numpy as np

from finjax.data.units import factor_between
from finjax.sources.changed import Changed
from finjax.sources.source import Source


def in_unit_of_decoder(source: Source, wanted: str, *, given: str = "") -> tuple[Source, str]:
    """Returns a source with its samples in the unit of the decoder, and a line about it, empty if there is none.

    Samples in a unit that is not known stay as they are.

    Args:
        source: the source.
        wanted: the decoder's unit; empty: not known.
        given: the stream's unit in place of the one that the source says (`--unit`); empty: as the source says.

    Raises:
        DataError: the unit of the stream cannot be converted.
    """
    unit = given or source.info.unit
    scale = factor_between(
        unit,
        wanted,
        refused=(
            f"the samples of {source.info.name} are in {unit}, those that the decoder was trained on in {wanted}. Use "
            f"a decoder for {unit}; or give --unit={wanted} to take the samples as they are, and calibrate the decoder "
            "to them"
        ),
    )
    if wanted and not unit:
        return source, f"unit: not known; taken as {wanted}, that of the decoder. --unit=UNIT gives another"
    if given and not wanted:
        return source, "unit: that of the decoder is not known, so that --unit changes nothing"
    info = dataclasses.replace(source.info, unit=unit)
    if not wanted or unit == wanted:
        return (Changed(source, lambda chunk: chunk, info=info) if given else source), ""
    info = dataclasses.replace(info, unit=wanted)
    converted = Changed(source, lambda chunk: chunk * np.float32(scale), info=info)
    return converted, f"unit: {unit}, converted to {wanted}, that of the decoder"
