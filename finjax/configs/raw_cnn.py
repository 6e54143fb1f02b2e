"""Baseline: a CNN on the samples themselves, end to end, one for each subject.

python main.py --config=configs/raw_cnn.py
"""

from ml_collections import ConfigDict

from finjax.configs import default


def get_config(preset: str | None = None) -> ConfigDict:
    """Returns the configuration; the preset is `test`."""
    return default.chosen(default.raw_cnn(), preset, {None: None, "test": _test})


def _test(config: ConfigDict) -> None:
    """Seconds: shows that everything works, not how well."""
    default.tiny(config)
    config.train.max_epochs = 2
