"""Stage 2, a CNN on closed-form features, one for each subject (paper, section II).

python main.py --config=configs/cnn.py

Fields, presets and measured results are in `finjax/configs/cnn.py`.
"""

from finjax.configs.cnn import get_config

__all__ = ["get_config"]
