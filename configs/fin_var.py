"""FIN that imitates VAR, the variance (paper, section II).

python main.py --config=configs/fin_var.py

Fields, presets and measured results are in `finjax/configs/fin_var.py`.
"""

from finjax.configs.fin_var import get_config

__all__ = ["get_config"]
