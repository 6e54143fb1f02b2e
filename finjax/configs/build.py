"""Builds decoders and their optimisers from the settings of a stage, for the devices of this machine."""

from collections.abc import Sequence

from finjax.configs.settings import (
    CNNStage,
    DecoderStage,
    FeatureDecoderStage,
    FineTuneStage,
    RawCNNStage,
    TrainedStage,
)
from finjax.devices import parallel
from finjax.models.cnn import build_cnn, build_raw_cnn
from finjax.models.decoders import (
    DecoderNetwork,
    FeatureDecoder,
    FINDecoder,
    RawDecoder,
    VirtualFeatureDecoder,
)
from finjax.models.fin import build_fin
from finjax.models.patterns import virtual_channels
from finjax.models.stack import FINStack
from finjax.training.optimiser import ALIGNMENT, FITTED, STANDARDISATION, Group, Optimiser, build_optimiser
from finjax.training.settings import OptimiserSettings, RateSettings


def build_decoder(
    settings: DecoderStage, *, features: Sequence[str], channels: int, classes: int, length: int, batch_size: int
) -> DecoderNetwork:
    """Builds the decoder of a stage.

    Args:
        settings: settings of the stage.
        features: names of the features; none for the CNN on the samples.
        channels: channels C.
        classes: movements K.
        length: samples T in a window.
        batch_size: windows per device and step.
    """
    if isinstance(settings, FeatureDecoderStage):
        channels = virtual_channels(settings.patterns, channels=channels, classes=classes)
    match settings:
        case CNNStage() if settings.patterns:
            return VirtualFeatureDecoder(
                cnn=build_cnn(settings.cnn, classes=classes, axis_name=parallel.AXIS),
                read_out_weight=settings.cnn.weight,
                features=tuple(features),
                channels=channels,
                shadows=settings.cnn.shadows,
                length=length,
            )
        case CNNStage():
            return FeatureDecoder(
                cnn=build_cnn(settings.cnn, classes=classes, axis_name=parallel.AXIS),
                read_out_weight=settings.cnn.weight,
                shadows=settings.cnn.shadows,
                noise=settings.train.shadow_noise,
                features=len(features),
            )
        case FineTuneStage():
            return FINDecoder(
                cnn=build_cnn(settings.cnn, classes=classes, axis_name=parallel.AXIS),
                read_out_weight=settings.cnn.weight,
                fins=FINStack(fin=build_fin(settings.model), features=len(features), channels=channels),
                length=length,
                gain_sd=settings.train.gain_sd,
                tile=parallel.stack_tile(batch_size, fins=len(features) * channels),
                cnn_frozen="cnn" in frozen_parts(settings),
                recompute=settings.fine_tune.recompute,
            )
        case RawCNNStage():
            cnn = build_raw_cnn(settings.cnn, classes=classes, axis_name=parallel.AXIS)
            return RawDecoder(cnn=cnn, length=length, gain_sd=settings.train.gain_sd)
        case _:
            raise AssertionError(settings.stage)


def read_out_of(settings: DecoderStage) -> str:
    """Returns the kind of the discriminant beside the CNN; empty if there is none."""
    return settings.cnn.read_out if isinstance(settings, FeatureDecoderStage) else ""


def read_out_ridge_of(settings: DecoderStage) -> float:
    """Returns the ridge of the discriminant beside the CNN."""
    return settings.cnn.read_out_ridge if isinstance(settings, FeatureDecoderStage) else 0.0


def patterns_of(settings: DecoderStage) -> int:
    """Returns the number of patterns of each movement; 0 if the decoder has no virtual channels."""
    return settings.patterns if isinstance(settings, FeatureDecoderStage) else 0


def align_of(settings: DecoderStage) -> str:
    """Returns how the decoder is aligned with new people; empty: not at all."""
    return settings.cnn.align if isinstance(settings, FeatureDecoderStage) else ""


def covariance_noise_of(settings: DecoderStage) -> float:
    """Returns the noise that training adds to the features, in units of their spread; 0 if there is none."""
    return settings.train.covariance_noise if isinstance(settings, CNNStage | FineTuneStage) else 0.0


def frozen_parts(settings: FineTuneStage) -> frozenset[str]:
    """Returns the parts that `fine_tune.freeze` names, of `finjax.configs.fields.FREEZABLE`."""
    return frozenset(name.strip() for name in settings.fine_tune.freeze.split(",") if name.strip())


def stage_optimiser(settings: TrainedStage) -> Optimiser:
    """Builds the optimiser of a stage: one group, or in fine-tuning the FINs' layers, their heads and the CNN.

    The weights of virtual channels are a group of their own.
    """
    fitted = [ALIGNMENT] if isinstance(settings, DecoderStage) and align_of(settings) else []
    if isinstance(settings, CNNStage) and settings.patterns:
        return build_optimiser(settings.optimiser, _patterns(settings.optimiser.patterns), STANDARDISATION, *fitted)
    if not isinstance(settings, FineTuneStage):
        assert isinstance(settings.optimiser, OptimiserSettings)
        return build_optimiser(settings.optimiser, *fitted)
    rates = settings.optimiser.fin
    factors = rates.layer_factors or (1.0,) * settings.model.layers
    frozen = frozen_parts(settings)
    lstms = [
        Group(
            prefix=f"fins/lstm_{layer}",
            learning_rate=rates.learning_rate * factor,
            l2=rates.l2,
            frozen="fins" in frozen or not factor,
        )
        for layer, factor in enumerate(factors)
    ]
    head = Group(
        prefix="fins/head", learning_rate=rates.learning_rate, l2=rates.l2, frozen=bool({"fins", "head"} & frozen)
    )
    own = settings.optimiser.cnn
    cnn = Group(prefix="cnn", learning_rate=own.learning_rate, l2=own.l2, frozen="cnn" in frozen)
    groups = [*lstms, head, cnn, FITTED, *fitted]
    if settings.patterns:
        groups.append(_patterns(settings.optimiser.patterns, frozen="patterns" in frozen))
    return Optimiser(groups=tuple(groups), clip_norm=settings.optimiser.clip_norm)


def _patterns(rates: RateSettings, *, frozen: bool = False) -> Group:
    return Group(prefix="patterns", learning_rate=rates.learning_rate, l2=rates.l2, frozen=frozen)
