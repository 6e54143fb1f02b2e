"""The recordings that a live session replays, or calibrates the decoder with."""

import argparse
import dataclasses

import numpy as np

from finjax.data import synthetic
from finjax.data.number_lists import parse_numbers
from finjax.data.recording import Recording
from finjax.errors import DataError, option_of
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
    spec = get_spec(model.dataset)
    return load_recordings(spec, folder, subjects=(subject,), filter=Filter(), option=_option)[0]


def _option(field: str) -> str:
    """Returns the option that sets a field: `--data`, or one of the training."""
    return "--data" if field == "data.dir" else option_of(field)


def repetitions_of(recording: Recording, numbers: str, *, option: str) -> Recording:
    """Returns a recording of the given repetitions only."""
    if not (kept := np.isin(recording.repetition, parse_numbers(numbers))).any():
        raise DataError(f"--{option}={numbers}: subject {recording.subject} has no such repetition")
    return dataclasses.replace(
        recording,
        signal=np.ascontiguousarray(recording.signal[kept]),
        movement=np.asarray(recording.movement[kept]),
        repetition=np.asarray(recording.repetition[kept]),
        piece_starts=(0,),
    )
