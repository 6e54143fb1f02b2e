"""Reads the names of features from a field of the configuration."""

from finjax.errors import ConfigError
from finjax.features import feature_names, find_feature, get_feature
from finjax.models.classical import FEATURE_SETS


def parse_feature_set(text: str, *, field: str) -> tuple[str, ...]:
    """Returns the names of the features of a classical baseline: those of a set, or of a list of either kind.

    Args:
        text: a set of `finjax.models.classical.FEATURE_SETS`, or a list such as `rms,logcov`.
        field: field of the configuration that holds it.

    Raises:
        ConfigError: see `parse_features`.
    """
    return FEATURE_SETS.get(text) or parse_features(text, field=field, spatial=True)


def parse_features(text: str, *, field: str, spatial: bool = False) -> tuple[str, ...]:
    """Returns the names of features in a list such as `rms,var`.

    Args:
        text: the list.
        field: field of the configuration that holds the list.
        spatial: whether features between channels may be among them.

    Raises:
        ConfigError: the list is empty, or a feature is unknown or repeated; names the option.
    """
    option = f"--config.{field}={text}"
    names = tuple(name.strip() for name in text.split(","))
    if not all(names):
        raise ConfigError(
            f"{option}: give names of features, comma-separated, as rms,var; known are {', '.join(feature_names())}"
        )
    look_up = find_feature if spatial else get_feature
    for name in names:
        try:
            look_up(name)
        except ConfigError as error:
            raise ConfigError(f"{option}: {error}") from error
    if len(set(names)) < len(names):
        raise ConfigError(f"{option}: a feature is named twice")
    return names
