"""Baselines: LDA or SVM on hand-made features of the same windows, one for each subject.

python main.py --config=configs/classical.py

Fields, presets and measured results are in `finjax/configs/classical.py`.
"""

from finjax.configs.classical import get_config

__all__ = ["get_config"]
