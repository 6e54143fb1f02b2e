"""Checks that names exist and that sizes of different parts fit each other; plugins must be loaded before."""

from finjax.configs.build import frozen_parts
from finjax.configs.feature_list import parse_feature_set, parse_features
from finjax.configs.settings import (
    ClassicalStage,
    CNNStage,
    FeatureDecoderStage,
    FineTuneStage,
    FINStage,
    RawCNNStage,
    StageSettings,
)
from finjax.data import filters
from finjax.data.source import channels_of, filter_of, framing_of, rate_of
from finjax.errors import ConfigError, Naming, option_of
from finjax.models.classical import COVARIANCES
from finjax.models.cnn import RAW_STRIDE
from finjax.models.riemannian import RIEMANNIAN
from finjax.models.settings import FINNetworkSettings, RawCNNSettings


def check_names(settings: StageSettings, *, option: Naming = option_of) -> None:
    """Checks that the dataset and the features of a run exist.

    Args:
        settings: settings of one run of a stage.
        option: returns the option that sets a field, for messages.

    Raises:
        ConfigError: no feature is named, a feature is unknown or repeated, or the classifier does not take it.
        DataError: an unknown dataset.
    """
    rate_of(settings.data)
    field = option("target" if isinstance(settings, FINStage) else "features").removeprefix("--config.")
    if isinstance(settings, FINStage):
        parse_features(settings.target, field=field)
    elif isinstance(settings, CNNStage | FineTuneStage):
        parse_features(settings.features, field=field)
    elif isinstance(settings, ClassicalStage):
        features = parse_feature_set(settings.features, field=field)
        if settings.classifier in RIEMANNIAN and not set(features) <= set(COVARIANCES):
            raise ConfigError(
                f"{option('features')}={settings.features}: {option('classifier')}={settings.classifier} takes "
                f"covariance matrices alone: give cov (x, Δx and Δ²x), or some of {', '.join(COVARIANCES)}"
            )


def check_sizes(settings: StageSettings, *, option: Naming = option_of) -> None:
    """Checks sizes that depend on each other, and the filter at the sampling rate of the data.

    Args:
        settings: settings of one run of a stage.
        option: returns the option that sets a field, for messages.

    Raises:
        ConfigError: two sizes do not fit, or the filter does not; names the options and their values.
        DataError: an unknown dataset.
    """
    rate_hz = rate_of(settings.data)
    if fault := filters.fault_of(filter_of(settings.data), rate_hz, named=lambda name: option(f"data.filter.{name}")):
        raise ConfigError(fault)
    length = framing_of(window=settings.window, step=settings.step, rate_hz=rate_hz, horizon=0).length
    window = f"{length} samples of a window ({option('window')}={settings.window} at {rate_hz:g} Hz)"
    if isinstance(settings, FINStage | FineTuneStage):
        _check_patches(settings.model, length, window, option)
    if isinstance(settings, FineTuneStage):
        _check_layer_factors(settings, option)
    if isinstance(settings, FeatureDecoderStage):
        _check_patterns(settings, option)
        _check_alignment(settings, option)
    if isinstance(settings, RawCNNStage):
        _check_convolutions(settings.cnn, length, window, option)


def _check_patches(model: FINNetworkSettings, length: int, window: str, option: Naming) -> None:
    if length % model.patch_size:
        below = max(size for size in range(1, min(model.patch_size, length) + 1) if length % size == 0)
        nearest = max(1, round(length / model.patch_size)) * model.patch_size
        raise ConfigError(
            f"{option('model.patch_size')}={model.patch_size} must divide the {window}: "
            f"the next smaller size that does is {below}; or choose a window of {nearest} samples "
            f"({option('window')}={nearest})"
        )


def _check_layer_factors(settings: FineTuneStage, option: Naming) -> None:
    factors, layers = settings.optimiser.fin.layer_factors, settings.model.layers
    if factors is not None and len(factors) != layers:
        raise ConfigError(
            f"{option('optimiser.fin.layer_factors')}={','.join(map(str, factors))} has {len(factors)} numbers: give "
            f"one factor of 0 or more for each of the {layers} layers ({option('model.layers')}={layers})"
        )


def _check_patterns(settings: FeatureDecoderStage, option: Naming) -> None:
    if settings.patterns > (channels := channels_of(settings.data)):
        raise ConfigError(
            f"{option('patterns')}={settings.patterns}: a movement cannot have more patterns than the dataset has "
            f"channels, {channels}"
        )
    if isinstance(settings, FineTuneStage) and not settings.patterns and "patterns" in frozen_parts(settings):
        raise ConfigError(
            f"{option('fine_tune.freeze')}={settings.fine_tune.freeze}: there are no patterns to freeze: set "
            f"{option('patterns')}, or freeze other parts"
        )


def _check_alignment(settings: FeatureDecoderStage, option: Naming) -> None:
    if settings.cnn.align == "turn" and not settings.patterns:
        raise ConfigError(
            f"{option('cnn.align')}=turn renumbers the electrodes in the weights of virtual channels, but there are "
            f"none: set {option('patterns')}, or {option('cnn.align')}=shift"
        )


def _check_convolutions(cnn: RawCNNSettings, length: int, window: str, option: Naming) -> None:
    left = length
    for number in range(1, len(cnn.filters) + 1):
        if left < cnn.kernel:
            raise ConfigError(
                f"{option('cnn.kernel')}={cnn.kernel} is too large: of the {window}, {left} are left before "
                f"convolution {number} of {len(cnn.filters)} ({option('cnn.filters')}="
                f"{','.join(map(str, cnn.filters))})"
            )
        left = (left - cnn.kernel) // RAW_STRIDE + 1
