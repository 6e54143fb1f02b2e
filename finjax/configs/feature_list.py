"""Reads the names of features from a field of the configuration."""

from finjax.errors import ConfigError
from finjax.features import feature_names, find_feature, get_feature


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
    for name in names:
        try:
            find_feature(name) if spatial else get_feature(name)
        except ConfigError as error:
            raise ConfigError(f"{option}: {error}") from error
    if len(set(names)) < len(names):
        raise ConfigError(f"{option}: a feature is named twice")
    return names
