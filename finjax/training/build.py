"""Decoders and their optimisers, as a configuration describes them, set up for this machine's devices."""

from collections.abc import Sequence

from ml_collections import ConfigDict

from finjax.devices import parallel
from finjax.models.cnn import build_cnn, build_raw_cnn
from finjax.models.decoders import DecoderNetwork, FeatureDecoder, FINDecoder, RawDecoder
from finjax.models.fin import build_fin
from finjax.models.stack import FINStack
from finjax.training.optimiser import FITTED, Group, Optimiser, build_optimiser

FREEZABLE = ("fins", "head", "cnn")


def build_decoder(
    config: ConfigDict, *, features: Sequence[str], channels: int, classes: int, length: int, batch_size: int
) -> DecoderNetwork:
    """Builds the decoder of a configuration's stage.

    Args:
        config: the whole configuration; its `stage` says which decoder.
        features: names of the features, where the decoder has any.
        channels: channels C.
        classes: movements K.
        length: samples T in a window.
        batch_size: windows that a device works on in one step.
    """
    settings = {"classes": classes, "axis_name": parallel.AXIS}
    match config.stage:
        case "cnn":
            return FeatureDecoder(
                cnn=build_cnn(config.cnn, **settings),
                read_out_weight=read_out_weight(config.cnn),
                shadows=config.cnn.shadows,
                noise=config.train.shadow_noise,
                features=len(features),
            )
        case "fine_tune":
            return FINDecoder(
                cnn=build_cnn(config.cnn, **settings),
                read_out_weight=read_out_weight(config.cnn),
                fins=FINStack(fin=build_fin(config.model), features=len(features), channels=channels),
                length=length,
                gain_sd=config.train.gain_sd,
                tile=parallel.stack_tile(batch_size, fins=len(features) * channels),
                cnn_frozen="cnn" in frozen_parts(config),
                recompute=config.fine_tune.recompute,
            )
        case "raw_cnn":
            return RawDecoder(cnn=build_raw_cnn(config.cnn, **settings), length=length, gain_sd=config.train.gain_sd)
        case stage:
            raise AssertionError(stage)


def read_out_weight(cnn: ConfigDict) -> float:
    """Returns the weight of the discriminant beside a CNN, 0 where there is none."""
    return cnn.read_out_weight if cnn.read_out else 0.0


def frozen_parts(config: ConfigDict) -> frozenset[str]:
    """Returns the parts that `config.fine_tune.freeze` names, of `FREEZABLE`."""
    return frozenset(name.strip() for name in config.fine_tune.freeze.split(",") if name.strip())


def build_decoder_optimiser(config: ConfigDict) -> Optimiser:
    """Builds the optimiser of a configuration's stage: one group, or FIN layers, FIN heads and the CNN."""
    if config.stage != "fine_tune":
        return build_optimiser(config.optimiser)
    settings = config.optimiser
    factors = settings.fin.layer_factors or (1.0,) * config.model.layers
    frozen = frozen_parts(config)
    rate, l2 = settings.fin.learning_rate, settings.fin.l2
    lstms = (
        Group(prefix=f"fins/lstm_{layer}", learning_rate=rate * factor, l2=l2, frozen="fins" in frozen or not factor)
        for layer, factor in enumerate(factors)
    )
    head = Group(prefix="fins/head", learning_rate=rate, l2=l2, frozen=bool({"fins", "head"} & frozen))
    cnn = Group(prefix="cnn", learning_rate=settings.cnn.learning_rate, l2=settings.cnn.l2, frozen="cnn" in frozen)
    return Optimiser(groups=(*lstms, head, cnn, FITTED), clip_norm=settings.clip_norm)
