"""The recordings that a live session replays, or calibrates the decoder with."""

import argparse
import dataclasses

import numpy as np

from finjax.data import synthetic
from finjax.data.number_lists import parse_numbers
from finjax.data.recording import UNLABELLED, Recording
from finjax.data.units import factor_between
from finjax.errors import DataError, option_of
from finjax.inference.model import DecoderModel
from finjax.live.decoder import LiveDecoder


def recording_of(options: argparse.Namespace, decoder: LiveDecoder) -> Recording:
    """Returns the unfiltered recording of `--subject`, by default of the decoder's own subject."""
    model = decoder.model
    subject = model.person(options.subject, option="--subject")
    settings = model.config.data
    if model.dataset == synthetic.NAME:
        return synthetic.generate(subject, settings.synthetic)
    from finjax.data.loading import load_recordings
    from finjax.data.registry import Filter, get_spec

    folder = options.data or settings.dir
    spec = get_spec(model.dataset, folder, option=_option)
    recording = load_recordings(spec, folder, subjects=(subject,), filter=Filter(), option=_option)[0]
    return _in_terms_of(model, recording, folder)


def _in_terms_of(model: DecoderModel, recording: Recording, folder: str) -> Recording:
    """Returns a recording with the channels and movements of a decoder, in the decoder's order.

    Raises:
        DataError: it has another rate or unit, other channels, or a movement that the decoder does not know.
    """
    if recording.rate_hz != model.rate_hz:
        raise DataError(f"{folder} has {recording.rate_hz:.10g} Hz, the decoder {model.rate_hz:.10g} Hz")
    for what, has, known in (
        ("channels", recording.channel_names, model.channel_names),
        ("movements", recording.movement_names, model.movement_names),
    ):
        unknown = set(has) - set(known)
        if unknown or (what == "channels" and len(has) < len(known)):
            raise DataError(
                f"{folder} does not fit the decoder: it has the {what} {', '.join(has)}; the decoder has "
                f"{', '.join(known)}"
            )
    scale = factor_between(
        recording.unit, model.unit, refused=f"{folder} does not fit the decoder, which was trained on another unit"
    )
    if scale != 1:
        recording = dataclasses.replace(recording, signal=recording.signal * np.float32(scale), unit=model.unit)
    if (recording.channel_names, recording.movement_names) == (model.channel_names, model.movement_names):
        return recording
    columns = [recording.channel_names.index(name) for name in model.channel_names]
    classes = [*(model.movement_names.index(name) for name in recording.movement_names), UNLABELLED]
    return dataclasses.replace(
        recording,
        signal=np.ascontiguousarray(recording.signal[:, columns]),
        movement=np.array(classes, np.int16)[recording.movement],  # −1, no label, is the last
        channel_names=model.channel_names,
        movement_names=model.movement_names,
    )


def _option(field: str) -> str:
    """Returns the option that sets a field: `--data`, or one of the training."""
    return "--data" if field == "data.dir" else option_of(field)


def repetitions_of(recording: Recording, numbers: str, *, option: str) -> Recording:
    """Returns a recording of the given repetitions only; what is left out in between parts it into pieces."""
    if not (kept := np.isin(recording.repetition, parse_numbers(numbers))).any():
        raise DataError(f"--{option}={numbers}: subject {recording.subject} has no such repetition")
    places = np.flatnonzero(kept)
    gaps = np.flatnonzero(np.diff(places) > 1) + 1
    borders = np.searchsorted(places, recording.piece_starts)  # the first kept sample of each piece
    starts = {0, *gaps.tolist(), *borders[borders < len(places)].tolist()}
    return dataclasses.replace(
        recording,
        signal=np.ascontiguousarray(recording.signal[kept]),
        movement=np.asarray(recording.movement[kept]),
        repetition=np.asarray(recording.repetition[kept]),
        piece_starts=tuple(sorted(starts)),
    )
