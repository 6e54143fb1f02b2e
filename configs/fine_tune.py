"""Stage 3, FINs and CNN tuned together to each subject (paper, section II).

python main.py --config=configs/fine_tune.py

Fields, presets and measured results are in `finjax/configs/fine_tune.py`.
"""

from finjax.configs.fine_tune import get_config

__all__ = ["get_config"]
