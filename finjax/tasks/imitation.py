"""How well FINs imitate their features on the virtual channels of a decoder, before they are tuned."""

import logging

from finjax.configs.settings import DecoderStage
from finjax.data.gather import WindowData
from finjax.data.windows import Windows
from finjax.devices import parallel
from finjax.evaluation.regression import score
from finjax.tasks.initial import InitialDecoder, features_seen, fin_init_of
from finjax.tasks.task import Task
from finjax.training.predict import decoder_features

SCORED_WINDOWS = 500  # evenly spaced
LEAST_R2 = 0.9  # a lower R² is worth a warning

logger = logging.getLogger(__name__)


def imitation_on_virtual_channels(task: Task[DecoderStage], start: InitialDecoder, fitted: Windows) -> dict[str, float]:
    """Returns the R² of each feature over the virtual channels of tuning windows, and logs it.

    The FINs were trained on channels. A decoder's virtual channels are other signals, so that this shows whether the
    FINs are a start for it.

    Args:
        task: the task.
        start: a decoder with pre-trained FINs; others, and those without virtual channels, give nothing.
        fitted: windows that the decoder is fitted to; at most `SCORED_WINDOWS` of them are used.
    """
    if fin_init_of(task.settings) != "pretrained" or "patterns" not in start.params or not len(fitted):
        return {}
    some = fitted.spread(SCORED_WINDOWS)
    signal, patterns = start.statistics.signal, start.params["patterns"]
    true = start.feature.standardise(features_seen(task, start.features, some, signal, patterns=patterns))
    imitated = decoder_features(
        start.decoder,
        start.params,
        parallel.replicate(WindowData.of(task.store, signal, some)),
        windows=len(some),
        batch_size=task.settings.evaluate.batch_size,
    ).reshape(true.shape)
    found = {name: score(true[..., f], imitated[..., f])["r2"] for f, name in enumerate(start.features)}
    logger.info(
        "R² of the FINs on %d virtual channels: %s",
        len(patterns),
        ", ".join(f"{name} {r2:.4f}" for name, r2 in found.items()),
    )
    poor = [name for name, r2 in found.items() if r2 < LEAST_R2]
    if poor and not task.framing.lead:  # the future cannot be imitated well
        logger.warning(
            "the FINs of %s do not imitate their features on the virtual channels (R² below %g): train them longer, "
            "or on more people",
            ", ".join(poor),
            LEAST_R2,
        )
    return found
