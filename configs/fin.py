"""FINs of the paper's four features, one after the other, to runs/fin_rms, runs/fin_var, … (paper, section II).

python main.py --config=configs/fin.py

Fields, presets and measured results are in `finjax/configs/fin.py`.
"""

from finjax.configs.fin import get_config

__all__ = ["get_config"]
