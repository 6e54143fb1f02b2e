"""The study: FINs, and recognition within and across subjects, against percentage, horizon and window length.

python main.py --config=configs/study.py

Fields, presets and measured results are in `finjax/configs/study.py`.
"""

from finjax.configs.study import get_config

__all__ = ["get_config"]
