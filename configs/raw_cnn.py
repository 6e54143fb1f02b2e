"""Baseline: a CNN on the samples themselves, end to end, one for each subject.

python main.py --config=configs/raw_cnn.py

Fields, presets and measured results are in `finjax/configs/raw_cnn.py`.
"""

from finjax.configs.raw_cnn import get_config

__all__ = ["get_config"]
