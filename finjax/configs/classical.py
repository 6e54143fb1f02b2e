"""Baselines: LDA or SVM on hand-made features of the same windows, one for each subject.

python main.py --config=configs/classical.py                                          # LDA on log-deviations
python main.py --config=configs/classical.py --config.classifier=svm --config.features=hudgins
"""

from ml_collections import ConfigDict

from finjax.configs import default


def get_config(preset: str | None = None) -> ConfigDict:
    """Returns the configuration; the preset is `test`."""
    return default.chosen(default.classical(), preset, {None: None, "test": default.tiny_data})
