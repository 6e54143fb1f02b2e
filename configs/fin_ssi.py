"""FIN that imitates SSI, the simple square integral (paper, section II).

python main.py --config=configs/fin_ssi.py

Fields, presets and measured results are in `finjax/configs/fin_ssi.py`.
"""

from finjax.configs.fin_ssi import get_config

__all__ = ["get_config"]
