"""Decoders as a configuration describes them, set up for this machine's devices."""

from collections.abc import Sequence

from ml_collections import ConfigDict

from finjax.errors import ConfigError
from finjax.models.cnn import build_cnn, build_raw_cnn
from finjax.models.decoders import Decoder, FeatureDecoder, FINDecoder, RawDecoder
from finjax.models.discriminant import OWN_COVARIANCE
from finjax.models.fin import build_fin
from finjax.models.stack import FINStack
from finjax.training import parallel


def build_decoder(
    config: ConfigDict, *, features: Sequence[str], channels: int, classes: int, length: int, batch_size: int
) -> Decoder:
    """Builds the decoder of a configuration's stage.

    Args:
        config: the whole configuration; its `stage` says which decoder.
        features: names of the features, where the decoder has any.
        channels: channels C.
        classes: movements K.
        length: samples T in a window.
        batch_size: windows that a device works on in one step.

    Raises:
        ConfigError: an unknown read-out.
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
                tile=parallel.tile_size(
                    batch_size, lstms=len(features) * channels, steps=length // config.model.patch_size
                ),
                recompute=config.fine_tune.recompute,
            )
        case "raw_cnn":
            return RawDecoder(cnn=build_raw_cnn(config.cnn, **settings), length=length, gain_sd=config.train.gain_sd)
        case stage:
            raise AssertionError(stage)


def read_out_weight(cnn: ConfigDict) -> float:
    """Returns the weight of the discriminant beside a CNN, 0 where there is none; refuses an unknown one."""
    if not cnn.read_out:
        return 0.0
    if cnn.read_out not in OWN_COVARIANCE:
        raise ConfigError(
            f"--config.cnn.read_out={cnn.read_out}: choose from {', '.join(OWN_COVARIANCE)}, or leave it empty"
        )
    return cnn.read_out_weight
