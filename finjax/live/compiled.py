"""The function of a decoder that decides on one window, compiled for speed."""

from collections.abc import Callable
from typing import Any

import jax

from finjax.configs.settings import FineTuneStage
from finjax.inference.model import DecoderModel

MOST_STEPS_AT_ONCE = 20  # time steps of FINs that run all at once: 10 gain half of the time, 600 lose as much


def probabilities_of(model: DecoderModel) -> Callable[[Any], jax.Array]:
    """Returns a compiled function from windows `[B, C, T]` to probabilities `[B, K]`.

    With few time steps, a loop over FINs costs more than it saves: all run at once. With many, the weights of one FIN
    must stay in the cache.
    """
    config = model.config
    steps = model.framing.length // config.model.patch_size if isinstance(config, FineTuneStage) else 1
    logits = model.forward if steps <= MOST_STEPS_AT_ONCE else model.logits
    return jax.jit(lambda windows: jax.nn.softmax(logits(windows)))
