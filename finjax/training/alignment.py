"""Aligning a decoder of other people with a new person, from windows without labels.

People differ by where an electrode lies over a muscle and by the skin above it, which shifts logarithmic features by a
constant. `params["alignment"]` holds two arrays `[C, F]` (with virtual channels `[V, F]`): `centre`, the mean of the
CNN's input over the windows that the decoder was trained on, and `shift`, which is added to a person's features so that
they have that mean. A bracelet may also sit turned on the arm: electrodes that form an even ring can be renumbered.

Reference: the mean alone is the simplest of the alignments of distributions for EMG, see Côté-Allard et al. 2019, "Deep
learning for electromyographic hand gesture signal classification using transfer learning".
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
import optax

from finjax.devices import parallel
from finjax.models.decoders import DecoderNetwork
from finjax.training.predict import decoded_logits, decoder_features

WINDOWS_TO_TURN = 500  # evenly spaced windows that choose the turn


def no_alignment(decoder: DecoderNetwork, *, channels: int) -> dict[str, np.ndarray]:
    """Returns the parameters of a decoder that nothing has been trained on: no shift."""
    rows, _, features = decoder.cnn_input(channels=channels)
    return {name: np.zeros((rows, features), np.float32) for name in ("centre", "shift")}


def with_centre(params: Any, features: np.ndarray) -> Any:
    """Returns the parameters with the centre of the features that training used.

    Args:
        params: parameters of the decoder.
        features: `[n, C × F]` input of the CNN in the training windows, with the shift.
    """
    own = params["alignment"]
    centre = features.mean(axis=0, dtype=np.float64).reshape(np.shape(own["shift"]))
    return {**params, "alignment": {**own, "centre": centre.astype(np.float32)}}


def shift_of(params: Any) -> np.ndarray | float:
    """Returns the shift of the CNN's input as a row `[C × F]`; 0 if the decoder is not aligned."""
    return np.ravel(params["alignment"]["shift"]) if "alignment" in params else 0.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class PersonWindows:
    """Windows of a new person.

    Attributes:
        inputs: source of the windows.
        count: number of windows.
        movement: `[count]` labels; None: there are none.
    """

    inputs: Any
    count: int
    movement: Sequence[int] | np.ndarray | None = None


def align(
    decoder: DecoderNetwork,
    params: Any,
    stats: Any,
    *,
    windows: PersonWindows,
    to_turn: PersonWindows | None,
    batch_size: int,
) -> tuple[Any, int]:
    """Returns the parameters aligned with a new person, first by a turn, then by a shift; and the places of the turn.

    Args:
        decoder: the network.
        params: its parameters.
        stats: running statistics.
        windows: those that give the shift.
        to_turn: those that choose the turn, `WINDOWS_TO_TURN` at most; None: the electrodes are not turned.
        batch_size: windows at a time.
    """
    places = 0
    if to_turn is not None:
        params, places = aligned_and_turned(
            decoder, params, stats, to_turn.inputs, windows=to_turn.count, batch_size=batch_size,
            movement=to_turn.movement,
        )  # fmt: skip
    return aligned(decoder, params, windows.inputs, windows=windows.count, batch_size=batch_size), places


def aligned(decoder: DecoderNetwork, params: Any, inputs: Any, *, windows: int, batch_size: int) -> Any:
    """Returns the parameters with the shift that moves a person's features to the decoder's centre.

    Args:
        decoder: the network.
        params: its parameters, with the centre of the people that it was trained on.
        inputs: source of the person's windows.
        windows: number of windows.
        batch_size: windows at a time.
    """
    features = decoder_features(decoder, params, parallel.replicate(inputs), windows=windows, batch_size=batch_size)
    centre = np.asarray(params["alignment"]["centre"])
    mean = features.mean(axis=0, dtype=np.float64).reshape(centre.shape)
    return {**params, "alignment": {"centre": centre, "shift": (centre - mean).astype(np.float32)}}


def turned(params: Any, places: int) -> Any:
    """Returns the parameters for a bracelet that sits turned by some electrodes.

    Args:
        params: parameters with the weights of virtual channels, `patterns` `[V, C]`; the C electrodes form a ring.
        places: electrode c takes the weights of electrode c − `places`.
    """
    return {**params, "patterns": np.roll(params["patterns"], places, axis=1)}


def aligned_and_turned(
    decoder: DecoderNetwork,
    params: Any,
    stats: Any,
    inputs: Any,
    *,
    windows: int,
    batch_size: int,
    movement: Sequence[int] | np.ndarray | None = None,
) -> tuple[Any, int]:
    """Aligns the decoder for every turn of the bracelet, and returns the best parameters and their turn.

    The best turn is the one with the lowest cross-entropy of the labels, or, without labels, the one whose decisions
    are the surest: the lowest mean entropy of the probabilities.

    Args:
        decoder: the network, with virtual channels.
        params: its parameters.
        stats: running statistics.
        inputs: source of the person's windows.
        windows: number of windows.
        batch_size: windows at a time.
        movement: `[windows]` labels; None: there are none.
    """
    candidates, losses = [], []
    for places in range(np.shape(params["patterns"])[1]):
        one = aligned(decoder, turned(params, places), inputs, windows=windows, batch_size=batch_size)
        logits = decoded_logits(decoder, one, stats, parallel.replicate(inputs), windows=windows, batch_size=batch_size)
        logs = np.asarray(jax.nn.log_softmax(logits))
        if movement is None:
            losses.append(float(-(np.exp(logs) * logs).sum(axis=1).mean()))
        else:
            losses.append(float(optax.softmax_cross_entropy_with_integer_labels(logits, np.asarray(movement)).mean()))
        candidates.append(one)
    best = int(np.argmin(losses))
    return candidates[best], best
